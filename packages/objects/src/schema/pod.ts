/**
 * Pod: its spec without containers and volumes. Source: api core/v1.
 */
export const podSchema: string = `
Pod { 1 metadata+ ObjectMeta; 2 spec+ PodSpec; 3 status+ PodStatus }
PodTemplateSpec { 1 metadata+ ObjectMeta; 2 spec+ PodSpec }
PodSpec {
  1 volumes []Volume @merge(name) @retainKeys @map(name)
  20 initContainers []Container @merge(name) @map(name)
  2 containers! []Container @merge(name) @map(name)
  34 ephemeralContainers []EphemeralContainer @merge(name) @map(name)
  3 restartPolicy RestartPolicy=Always
  4 terminationGracePeriodSeconds? int64=30
  5 activeDeadlineSeconds? int64
  6 dnsPolicy DNSPolicy=ClusterFirst
  7 nodeSelector {}string @atomic
  8 serviceAccountName string
  9 serviceAccount string
  21 automountServiceAccountToken? bool
  10 nodeName string
  11 hostNetwork bool
  12 hostPID bool
  13 hostIPC bool
  27 shareProcessNamespace? bool
  14 securityContext? PodSecurityContext={}
  15 imagePullSecrets []LocalObjectReference @merge(name) @map(name)
  16 hostname string
  17 subdomain string
  18 affinity? Affinity
  19 schedulerName string=default-scheduler
  22 tolerations []Toleration
  23 hostAliases []HostAlias @merge(ip) @map(ip)
  24 priorityClassName string
  25 priority? int32
  26 dnsConfig? PodDNSConfig
  28 readinessGates []PodReadinessGate
  29 runtimeClassName? string
  30 enableServiceLinks? bool
  31 preemptionPolicy? PreemptionPolicy
  32 overhead {}quantity
  33 topologySpreadConstraints []TopologySpreadConstraint @merge(topologyKey) @map(topologyKey,whenUnsatisfiable)
  35 setHostnameAsFQDN? bool
  36 os? PodOS
  37 hostUsers? bool
  38 schedulingGates []PodSchedulingGate @merge(name) @map(name)
  39 resourceClaims []PodResourceClaim @merge(name) @retainKeys @map(name)
  40 resources? ResourceRequirements
  41 hostnameOverride? string
  43 schedulingGroup? PodSchedulingGroup
}
PodSecurityContext {
  1 seLinuxOptions? SELinuxOptions
  8 windowsOptions? WindowsSecurityContextOptions
  2 runAsUser? int64
  6 runAsGroup? int64
  3 runAsNonRoot? bool
  4 supplementalGroups []int64
  12 supplementalGroupsPolicy? SupplementalGroupsPolicy
  5 fsGroup? int64
  7 sysctls []Sysctl
  9 fsGroupChangePolicy? PodFSGroupChangePolicy
  10 seccompProfile? SeccompProfile
  11 appArmorProfile? AppArmorProfile
  13 seLinuxChangePolicy? PodSELinuxChangePolicy
}
SELinuxOptions { 1 user string; 2 role string; 3 type string; 4 level string }
WindowsSecurityContextOptions {
  1 gmsaCredentialSpecName? string
  2 gmsaCredentialSpec? string
  3 runAsUserName? string
  4 hostProcess? bool
}
SeccompProfile { 1 type! SeccompProfileType; 2 localhostProfile? string }
AppArmorProfile { 1 type! AppArmorProfileType; 2 localhostProfile? string }
Sysctl { 1 name! string; 2 value! string }
Affinity {
  1 nodeAffinity? NodeAffinity
  2 podAffinity? PodAffinity
  3 podAntiAffinity? PodAntiAffinity
}
NodeAffinity {
  1 requiredDuringSchedulingIgnoredDuringExecution? NodeSelector
  2 preferredDuringSchedulingIgnoredDuringExecution []PreferredSchedulingTerm
}
NodeSelector { 1 nodeSelectorTerms! []NodeSelectorTerm }
NodeSelectorTerm {
  1 matchExpressions []NodeSelectorRequirement
  2 matchFields []NodeSelectorRequirement
}
NodeSelectorRequirement { 1 key! string; 2 operator! NodeSelectorOperator; 3 values []string }
PreferredSchedulingTerm { 1 weight! int32; 2 preference! NodeSelectorTerm }
PodAffinity {
  1 requiredDuringSchedulingIgnoredDuringExecution []PodAffinityTerm
  2 preferredDuringSchedulingIgnoredDuringExecution []WeightedPodAffinityTerm
}
PodAntiAffinity {
  1 requiredDuringSchedulingIgnoredDuringExecution []PodAffinityTerm
  2 preferredDuringSchedulingIgnoredDuringExecution []WeightedPodAffinityTerm
}
PodAffinityTerm {
  1 labelSelector? LabelSelector
  2 namespaces []string
  3 topologyKey! string
  4 namespaceSelector? LabelSelector
  5 matchLabelKeys []string
  6 mismatchLabelKeys []string
}
WeightedPodAffinityTerm { 1 weight! int32; 2 podAffinityTerm! PodAffinityTerm }
Toleration {
  1 key string
  2 operator TolerationOperator
  3 value string
  4 effect TaintEffect
  5 tolerationSeconds? int64
}
HostAlias { 1 ip! string; 2 hostnames []string }
PodDNSConfig { 1 nameservers []string; 2 searches []string; 3 options []PodDNSConfigOption }
PodDNSConfigOption { 1 name string; 2 value? string }
PodReadinessGate { 1 conditionType! string }
TopologySpreadConstraint {
  1 maxSkew! int32
  2 topologyKey! string
  3 whenUnsatisfiable! UnsatisfiableConstraintAction
  4 labelSelector? LabelSelector
  5 minDomains? int32
  6 nodeAffinityPolicy? NodeInclusionPolicy
  7 nodeTaintsPolicy? NodeInclusionPolicy
  8 matchLabelKeys []string
}
PodOS { 1 name! OSName }
PodSchedulingGate { 1 name! string }
PodResourceClaim {
  1 name! string
  3 resourceClaimName? string
  4 resourceClaimTemplateName? string
}
PodSchedulingGroup { 1 podGroupName? string }
`;
