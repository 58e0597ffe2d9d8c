/**
 * Containers, ephemeral ones included: ports, environment, resources, probes. Source: api core/v1.
 */
export const containerSchema: string = `
Container {
  1 name! string
  2 image string
  3 command []string
  4 args []string
  5 workingDir string
  6 ports []ContainerPort @merge(containerPort) @map(containerPort,protocol)
  19 envFrom []EnvFromSource
  7 env []EnvVar @merge(name) @map(name)
  8 resources+ ResourceRequirements
  23 resizePolicy []ContainerResizePolicy
  24 restartPolicy? ContainerRestartPolicy
  25 restartPolicyRules []ContainerRestartRule
  9 volumeMounts []VolumeMount @merge(mountPath) @map(mountPath)
  21 volumeDevices []VolumeDevice @merge(devicePath) @map(devicePath)
  10 livenessProbe? Probe
  11 readinessProbe? Probe
  22 startupProbe? Probe
  12 lifecycle? Lifecycle
  13 terminationMessagePath string=/dev/termination-log
  20 terminationMessagePolicy TerminationMessagePolicy=File
  14 imagePullPolicy PullPolicy
  15 securityContext? SecurityContext
  16 stdin bool
  17 stdinOnce bool
  18 tty bool
}
EphemeralContainer { 1 ...EphemeralContainerCommon; 2 targetContainerName string }
EphemeralContainerCommon {
  1 name! string
  2 image string
  3 command []string
  4 args []string
  5 workingDir string
  6 ports []ContainerPort @merge(containerPort) @map(containerPort,protocol)
  19 envFrom []EnvFromSource
  7 env []EnvVar @merge(name) @map(name)
  8 resources+ ResourceRequirements
  23 resizePolicy []ContainerResizePolicy
  24 restartPolicy? ContainerRestartPolicy
  25 restartPolicyRules []ContainerRestartRule
  9 volumeMounts []VolumeMount @merge(mountPath) @map(mountPath)
  21 volumeDevices []VolumeDevice @merge(devicePath) @map(devicePath)
  10 livenessProbe? Probe
  11 readinessProbe? Probe
  22 startupProbe? Probe
  12 lifecycle? Lifecycle
  13 terminationMessagePath string=/dev/termination-log
  20 terminationMessagePolicy TerminationMessagePolicy=File
  14 imagePullPolicy PullPolicy
  15 securityContext? SecurityContext
  16 stdin bool
  17 stdinOnce bool
  18 tty bool
}
ContainerPort {
  1 name string
  2 hostPort int32
  3 containerPort! int32
  4 protocol Protocol=TCP
  5 hostIP string
}
EnvVar { 1 name! string; 2 value string; 3 valueFrom? EnvVarSource }
EnvVarSource {
  1 fieldRef? ObjectFieldSelector
  2 resourceFieldRef? ResourceFieldSelector
  3 configMapKeyRef? ConfigMapKeySelector
  4 secretKeyRef? SecretKeySelector
  5 fileKeyRef? FileKeySelector
}
ObjectFieldSelector { 1 apiVersion string=v1; 2 fieldPath! string }
ResourceFieldSelector { 1 containerName string; 2 resource! string; 3 divisor+ quantity }
ConfigMapKeySelector { 1 ...LocalObjectReference; 2 key! string; 3 optional? bool }
SecretKeySelector { 1 ...LocalObjectReference; 2 key! string; 3 optional? bool }
FileKeySelector { 1 volumeName! string; 2 path! string; 3 key! string; 4 optional? bool=false }
EnvFromSource {
  1 prefix string
  2 configMapRef? ConfigMapEnvSource
  3 secretRef? SecretEnvSource
}
ConfigMapEnvSource { 1 ...LocalObjectReference; 2 optional? bool }
SecretEnvSource { 1 ...LocalObjectReference; 2 optional? bool }
ResourceRequirements {
  1 limits {}quantity
  2 requests {}quantity
  3 claims []ResourceClaim @map(name)
}
ResourceClaim { 1 name! string; 2 request string }
ContainerResizePolicy { 1 resourceName! string; 2 restartPolicy! ResourceResizeRestartPolicy }
ContainerRestartRule { 1 action! string; 2 exitCodes? ContainerRestartRuleOnExitCodes }
ContainerRestartRuleOnExitCodes { 1 operator! string; 2 values []int32 @set }
VolumeMount {
  1 name! string
  2 readOnly bool
  7 recursiveReadOnly? RecursiveReadOnlyMode
  3 mountPath! string
  4 subPath string
  5 mountPropagation? MountPropagationMode
  6 subPathExpr string
}
VolumeDevice { 1 name! string; 2 devicePath! string }
Probe {
  1 ...ProbeHandler
  2 initialDelaySeconds int32
  3 timeoutSeconds int32=1
  4 periodSeconds int32=10
  5 successThreshold int32=1
  6 failureThreshold int32=3
  7 terminationGracePeriodSeconds? int64
}
ProbeHandler {
  1 exec? ExecAction
  2 httpGet? HTTPGetAction
  3 tcpSocket? TCPSocketAction
  4 grpc? GRPCAction
}
ExecAction { 1 command []string }
HTTPGetAction {
  1 path string=/
  2 port! intstr
  3 host string
  4 scheme URIScheme=HTTP
  5 httpHeaders []HTTPHeader
}
HTTPHeader { 1 name! string; 2 value! string }
TCPSocketAction { 1 port! intstr; 2 host string }
GRPCAction { 1 port! int32; 2 service? string="" }
Lifecycle { 1 postStart? LifecycleHandler; 2 preStop? LifecycleHandler; 3 stopSignal? string }
LifecycleHandler {
  1 exec? ExecAction
  2 httpGet? HTTPGetAction
  3 tcpSocket? TCPSocketAction
  4 sleep? SleepAction
}
SleepAction { 1 seconds! int64 }
SecurityContext {
  1 capabilities? Capabilities
  2 privileged? bool
  3 seLinuxOptions? SELinuxOptions
  10 windowsOptions? WindowsSecurityContextOptions
  4 runAsUser? int64
  8 runAsGroup? int64
  5 runAsNonRoot? bool
  6 readOnlyRootFilesystem? bool
  7 allowPrivilegeEscalation? bool
  9 procMount? ProcMountType
  11 seccompProfile? SeccompProfile
  12 appArmorProfile? AppArmorProfile
}
Capabilities { 1 add []string; 2 drop []string }
`;
