export type * from "./object-client.ts";
