/** What a log got, and waiting for it. */
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

const deadlineMs = 5_000;

/** Waits until `condition` holds, looking once per turn of the event loop. */
export async function until(condition: () => boolean): Promise<void> {
  const end = performance.now() + deadlineMs;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`not in ${deadlineMs} ms`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
