/** What a log got. */
import type { LogFields, Logger } from "@flotilla/base";

export class RecordedLog implements Logger {
  readonly lines: { readonly message: string; readonly fields: LogFields }[] = [];
  debug(): void {}
  info = (message: string, fields: LogFields = {}): void => this.#note(message, fields);
  warn = (message: string, fields: LogFields = {}): void => this.#note(message, fields);
  error = (message: string, fields: LogFields = {}): void => this.#note(message, fields);

  #note(message: string, fields: LogFields): void {
    this.lines.push({ message, fields });
  }
}
