/** A user's token: asked for once, kept while it is taken, asked for anew when it is not. */
import { WireReader, WireWriter } from "@flotilla/base";
import { isEtcdError } from "./errors.ts";
import type { Credentials } from "./options.ts";

/** Asks a member; without a token, of course. */
type Ask = (request: Uint8Array) => Promise<Uint8Array>;

export class Token {
  static readonly path = "/etcdserverpb.Auth/Authenticate";
  readonly #credentials: Credentials | undefined;
  /** One question for all calls that wait for it. */
  #asked: Promise<string | undefined> | undefined;
  /** Its answer, once it is there and until it is refused. */
  #answer: { readonly token: string | undefined } | undefined;

  constructor(credentials: Credentials | undefined) {
    this.#credentials = credentials;
  }

  get hasCredentials(): boolean {
    return this.#credentials !== undefined;
  }

  /** What is there already; undefined when it has to be asked for. */
  get known(): { readonly token: string | undefined } | undefined {
    return this.#answer;
  }

  /** Undefined while members ask nobody who he is. */
  get(ask: Ask): Promise<string | undefined> {
    if (this.#credentials === undefined) return Promise.resolve(undefined);
    if (this.#asked !== undefined) return this.#asked;
    const asked = this.#authenticate(this.#credentials, ask);
    this.#asked = asked;
    asked.then(
      (token) => {
        this.#answer = { token };
      },
      () => {
        this.#asked = undefined;
      },
    );
    return asked;
  }

  /** `token` was refused; one that came meanwhile stays, and so does a question under way. */
  forget(token: string | undefined): void {
    if (this.#answer === undefined || this.#answer.token !== token) return;
    this.#answer = undefined;
    this.#asked = undefined;
  }

  async #authenticate({ username, password }: Credentials, ask: Ask): Promise<string | undefined> {
    const request = new WireWriter();
    request.fieldText(1, username);
    request.fieldText(2, password);
    try {
      const reader = new WireReader(await ask(request.seal()));
      let token: string | undefined;
      while (reader.next()) {
        if (reader.field === 2) token = reader.text();
        else reader.skip();
      }
      return token;
    } catch (error) {
      if (isEtcdError(error, "authNotEnabled")) return undefined;
      throw error;
    }
  }
}
