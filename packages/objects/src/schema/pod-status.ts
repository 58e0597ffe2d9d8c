/**
 * Pod status. Source: api core/v1.
 */
export const podStatusSchema: string = `
PodStatus {
  17 observedGeneration int64
  1 phase PodPhase
  2 conditions []PodCondition @merge(type) @map(type)
  3 message string
  4 reason string
  11 nominatedNodeName string
  5 hostIP string
  16 hostIPs []HostIP @merge(ip)
  6 podIP string
  12 podIPs []PodIP @merge(ip) @map(ip)
  7 startTime? time
  10 initContainerStatuses []ContainerStatus
  8 containerStatuses []ContainerStatus
  9 qosClass PodQOSClass
  13 ephemeralContainerStatuses []ContainerStatus
  14 resize string
  15 resourceClaimStatuses []PodResourceClaimStatus @merge(name) @retainKeys @map(name)
  18 extendedResourceClaimStatus? PodExtendedResourceClaimStatus
  19 allocatedResources {}quantity
  20 resources? ResourceRequirements
  21 nodeAllocatableResourceClaimStatuses []NodeAllocatableResourceClaimStatus
}
PodCondition {
  1 type! string; 7 observedGeneration int64; 2 status! ConditionStatus; 3 lastProbeTime+ time
  4 lastTransitionTime+ time; 5 reason string; 6 message string
}
HostIP { 1 ip! string }
PodIP { 1 ip! string }
ContainerStatus {
  1 name! string
  2 state+ ContainerState
  3 lastState+ ContainerState
  4 ready! bool
  5 restartCount! int32
  6 image! string
  7 imageID! string
  8 containerID string
  9 started? bool
  10 allocatedResources {}quantity
  11 resources? ResourceRequirements
  12 volumeMounts []VolumeMountStatus @merge(mountPath) @map(mountPath)
  13 user? ContainerUser
  14 allocatedResourcesStatus []ResourceStatus @merge(name) @map(name)
  15 stopSignal? string
}
ContainerState {
  1 waiting? ContainerStateWaiting; 2 running? ContainerStateRunning
  3 terminated? ContainerStateTerminated
}
ContainerStateWaiting { 1 reason string; 2 message string }
ContainerStateRunning { 1 startedAt+ time }
ContainerStateTerminated {
  1 exitCode! int32; 2 signal int32; 3 reason string; 4 message string; 5 startedAt+ time
  6 finishedAt+ time; 7 containerID string
}
VolumeMountStatus {
  1 name! string; 2 mountPath! string; 3 readOnly bool
  4 recursiveReadOnly? RecursiveReadOnlyMode; 5 volumeStatus? VolumeStatus
}
VolumeStatus { 1 image? ImageVolumeStatus }
ImageVolumeStatus { 1 imageRef! string }
ContainerUser { 1 linux? LinuxContainerUser }
LinuxContainerUser { 1 uid! int64; 2 gid! int64; 3 supplementalGroups []int64 }
ResourceStatus { 1 name! string; 2 resources []ResourceHealth @map(resourceID) }
ResourceHealth { 1 resourceID! string; 2 health string; 6 message? string }
PodResourceClaimStatus { 1 name! string; 2 resourceClaimName? string }
PodExtendedResourceClaimStatus {
  1 requestMappings! []ContainerExtendedResourceRequest; 2 resourceClaimName! string
}
ContainerExtendedResourceRequest {
  1 containerName! string; 2 resourceName! string; 3 requestName! string
}
NodeAllocatableResourceClaimStatus {
  1 resourceClaimName! string; 2 containers []string @set; 3 resources! {}quantity
}
`;
