/**
 * Namespace, Event, ConfigMap, references and Binding: api core/v1.
 */
export const coreSchema: string = `
Namespace { 1 metadata+ ObjectMeta; 2 spec+ NamespaceSpec; 3 status+ NamespaceStatus }
NamespaceSpec { 1 finalizers []string }
NamespaceStatus {
  1 phase NamespacePhase=Active
  2 conditions []NamespaceCondition @merge(type) @map(type)
}
NamespaceCondition {
  1 type! string
  2 status! ConditionStatus
  4 lastTransitionTime+ time
  5 reason string
  6 message string
}
Event {
  1 metadata! ObjectMeta
  2 involvedObject! ObjectReference
  3 reason string
  4 message string
  5 source+ EventSource
  6 firstTimestamp+ time
  7 lastTimestamp+ time
  8 count int32
  9 type string
  10 eventTime+ microtime
  11 series? EventSeries
  12 action string
  13 related? ObjectReference
  14 reportingComponent+ string
  15 reportingInstance+ string
}
EventSource { 1 component string; 2 host string }
EventSeries { 1 count int32; 2 lastObservedTime+ microtime }
ConfigMap { 1 metadata+ ObjectMeta; 4 immutable? bool; 2 data {}string; 3 binaryData {}bytes }
ObjectReference {
  1 kind string
  2 namespace string
  3 name string
  4 uid string
  5 apiVersion string
  6 resourceVersion string
  7 fieldPath string
}
LocalObjectReference { 1 name string="" }
TypedLocalObjectReference { 1 apiGroup? string; 2 kind! string; 3 name! string }
TypedObjectReference { 1 apiGroup? string; 2 kind! string; 3 name! string; 4 namespace? string }
Binding { 1 metadata+ ObjectMeta; 2 target! ObjectReference }
`;
