/**
 * Service. Source: api core/v1.
 */
export const serviceSchema: string = `
Service { 1 metadata+ ObjectMeta; 2 spec+ ServiceSpec; 3 status+ ServiceStatus }
ServiceSpec {
  1 ports []ServicePort @merge(port) @map(port,protocol)
  2 selector {}string @atomic
  3 clusterIP string
  18 clusterIPs []string
  4 type ServiceType=ClusterIP
  5 externalIPs []string
  7 sessionAffinity ServiceAffinity=None
  8 loadBalancerIP string
  9 loadBalancerSourceRanges []string
  10 externalName string
  11 externalTrafficPolicy ServiceExternalTrafficPolicy
  12 healthCheckNodePort int32
  13 publishNotReadyAddresses bool
  14 sessionAffinityConfig? SessionAffinityConfig
  19 ipFamilies []IPFamily
  17 ipFamilyPolicy? IPFamilyPolicy
  20 allocateLoadBalancerNodePorts? bool
  21 loadBalancerClass? string
  22 internalTrafficPolicy? ServiceInternalTrafficPolicy
  23 trafficDistribution? string
}
ServicePort {
  1 name string
  2 protocol Protocol=TCP
  6 appProtocol? string
  3 port! int32
  4 targetPort+ intstr
  5 nodePort int32
}
SessionAffinityConfig { 1 clientIP? ClientIPConfig }
ClientIPConfig { 1 timeoutSeconds? int32 }
ServiceStatus {
  1 loadBalancer+ LoadBalancerStatus
  2 conditions []Condition @merge(type) @map(type)
}
LoadBalancerStatus { 1 ingress []LoadBalancerIngress }
LoadBalancerIngress {
  1 ip string
  2 hostname string
  3 ipMode? LoadBalancerIPMode
  4 ports []PortStatus
}
PortStatus { 1 port! int32; 2 protocol! Protocol; 3 error? string }
`;
