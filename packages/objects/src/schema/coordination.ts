/** Lease: api coordination/v1. */
export const coordinationSchema: string = `
Lease { 1 metadata+ ObjectMeta; 2 spec+ LeaseSpec }
LeaseSpec {
  1 holderIdentity? string
  2 leaseDurationSeconds? int32
  3 acquireTime? microtime
  4 renewTime? microtime
  5 leaseTransitions? int32
  6 strategy? string
  7 preferredHolder? string
}
`;
