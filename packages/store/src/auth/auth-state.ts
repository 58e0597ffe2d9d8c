/** Users, roles and permissions. Pure apart from the backend that it is given. */
import type { BackendReader } from "../contract.ts";
import type { AuthError, AuthReader, Principal, ReadAccess, Role, User } from "./contract.ts";

export class AuthState implements AuthReader {
  readonly isEnabled = false;
  readonly revision = 1;

  constructor(_reader: BackendReader) {}

  users(): readonly string[] {
    return [];
  }

  roles(): readonly string[] {
    return [];
  }

  user(_name: string): User | undefined {
    return undefined;
  }

  role(_name: string): Role | undefined {
    return undefined;
  }

  refusal(_principal: Principal | undefined, _access: ReadAccess): AuthError | undefined {
    return undefined;
  }
}
