/** `etcdserverpb.Auth`: there are no users; clients learn that it is off. */
import { type Methods, noFields, type ServiceContext } from "../context.ts";
import { RpcError } from "../errors.ts";

/** As etcd counts: 1 before any user, role or permission was made. */
const authRevision = 1;

/** The methods of the Auth service. */
export function authMethods(context: ServiceContext): Methods {
  return [
    [
      "/etcdserverpb.Auth/AuthStatus",
      context.unary(noFields, () =>
        context.answer(context.member.store.revision, (w) => w.fieldVarint(3, authRevision)),
      ),
    ],
    [
      "/etcdserverpb.Auth/Authenticate",
      context.unary(noFields, () => {
        throw new RpcError("authNotEnabled");
      }),
    ],
  ];
}
