/** What subresources take and give: Scale (api autoscaling/v1), Eviction (api policy/v1). */
export const subresourceSchema: string = `
Eviction { 1 metadata+ ObjectMeta; 2 deleteOptions? DeleteOptions }
Scale { 1 metadata+ ObjectMeta; 2 spec+ ScaleSpec; 3 status+ ScaleStatus }
ScaleSpec { 1 replicas int32 }
ScaleStatus { 1 replicas! int32; 2 selector string }
`;
