/**
 * Strings of which only some are allowed, in the order in which Kubernetes' messages list them. The
 * name is the Go type's, because decoding errors quote it.
 * Source: api core/v1, apps/v1, discovery/v1, apimachinery meta/v1.
 */
export const enumerations: string = `
ManagedFieldsOperationType = Apply | Update
LabelSelectorOperator = In | NotIn | Exists | DoesNotExist
ConditionStatus = True | False | Unknown
NamespacePhase = Active | Terminating
TaintEffect = NoSchedule | PreferNoSchedule | NoExecute
RestartPolicy = Always | OnFailure | Never
DNSPolicy = ClusterFirstWithHostNet | ClusterFirst | Default | None
PreemptionPolicy = PreemptLowerPriority | Never
SupplementalGroupsPolicy = Merge | Strict
PodFSGroupChangePolicy = OnRootMismatch | Always
PodSELinuxChangePolicy = Recursive | MountOption
SeccompProfileType = Unconfined | RuntimeDefault | Localhost
AppArmorProfileType = Unconfined | RuntimeDefault | Localhost
NodeSelectorOperator = In | NotIn | Exists | DoesNotExist | Gt | Lt
TolerationOperator = Equal | Exists
UnsatisfiableConstraintAction = DoNotSchedule | ScheduleAnyway
NodeInclusionPolicy = Ignore | Honor
OSName = linux | windows
ContainerRestartPolicy = Always | Never | OnFailure
TerminationMessagePolicy = File | FallbackToLogsOnError
PullPolicy = Always | IfNotPresent | Never
Protocol = SCTP | TCP | UDP
ResourceResizeRestartPolicy = NotRequired | RestartContainer
RecursiveReadOnlyMode = Disabled | IfPossible | Enabled
MountPropagationMode = Bidirectional | HostToContainer | None
URIScheme = HTTP | HTTPS
ProcMountType = Default | Unmasked
PodPhase = Pending | Running | Succeeded | Failed | Unknown
PodQOSClass = Guaranteed | Burstable | BestEffort
HostPathType = DirectoryOrCreate | Directory | FileOrCreate | File | Socket | CharDevice | BlockDevice
AzureDataDiskCachingMode = None | ReadOnly | ReadWrite
AzureDataDiskKind = Shared | Dedicated | Managed
PersistentVolumeAccessMode = ReadWriteOnce | ReadOnlyMany | ReadWriteMany | ReadWriteOncePod
PersistentVolumeMode = Block | Filesystem
ServiceType = ClusterIP | ExternalName | LoadBalancer | NodePort
ServiceAffinity = ClientIP | None
ServiceExternalTrafficPolicy = Cluster | Local
IPFamily = IPv4 | IPv6
IPFamilyPolicy = SingleStack | PreferDualStack | RequireDualStack
ServiceInternalTrafficPolicy = Cluster | Local
LoadBalancerIPMode = VIP | Proxy
AddressType = FQDN | IPv4 | IPv6
DeploymentStrategyType = Recreate | RollingUpdate
`;
