/** The read side of auth: what is in force now. Pure apart from the backend that it is given. */
import type { BackendReader } from "../contract.ts";
import type { AuthState } from "./auth-state.ts";
import { accessRefusal } from "./authorise.ts";
import type { AuthError, AuthReader, Principal, ReadAccess, Role, User } from "./contract.ts";

export class StoreAuth implements AuthReader {
  readonly #reader: BackendReader;
  readonly #state: () => AuthState;

  /** `state` gives what is in force. */
  constructor(reader: BackendReader, state: () => AuthState) {
    this.#reader = reader;
    this.#state = state;
  }

  get isEnabled(): boolean {
    return this.#state().isEnabled;
  }

  get revision(): number {
    return this.#state().revision;
  }

  users(): readonly string[] {
    return Array.from(this.#state().users.values(), ({ name }) => name);
  }

  roles(): readonly string[] {
    return Array.from(this.#state().roles.values(), ({ name }) => name);
  }

  user(name: string): User | undefined {
    return this.#state().users.get(name);
  }

  role(name: string): Role | undefined {
    return this.#state().role(name);
  }

  refusal(principal: Principal | undefined, access: ReadAccess): AuthError | undefined {
    return accessRefusal(this.#reader, this.#state(), access, principal);
  }
}
