{{/* What all pods have in common: (root, component, values, account, grace). */}}
{{- define "tenon.pod" -}}
serviceAccountName: {{ .account }}
automountServiceAccountToken: false
# Kubernetes would otherwise add variables such as TENON_WEB_PORT, which Tenon refuses as unknown settings.
enableServiceLinks: false
terminationGracePeriodSeconds: {{ .grace }}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile:
    type: RuntimeDefault
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- include "tenon.spread" . }}
volumes:
  - name: tmp
    emptyDir:
      sizeLimit: {{ .root.Values.tmpSizeLimit }}
  {{- with .root.Values.extraVolumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{/* Spreading of one revision over zones and nodes: (root, component, values). */}}
{{- define "tenon.spread" -}}
{{- $keys := list -}}
{{- with .values.topologySpread -}}
{{- with .zones }}{{ $keys = append $keys (dict "key" "topology.kubernetes.io/zone" "rule" .) }}{{ end -}}
{{- with .nodes }}{{ $keys = append $keys (dict "key" "kubernetes.io/hostname" "rule" .) }}{{ end -}}
{{- end -}}
{{- if $keys }}
topologySpreadConstraints:
  {{- range $keys }}
  - topologyKey: {{ .key }}
    maxSkew: 1
    whenUnsatisfiable: {{ .rule }}
    labelSelector:
      matchLabels:
        {{- include "tenon.selector" $ | nindent 8 }}
    matchLabelKeys: [pod-template-hash]
  {{- end }}
{{- end }}
{{- end -}}

{{/* What all containers have in common: (root, values). */}}
{{- define "tenon.container" -}}
image: {{ include "tenon.image" .root }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
resources:
  {{- toYaml .values.resources | nindent 2 }}
volumeMounts:
  - name: tmp
    mountPath: /tmp
  {{- range .root.Values.extraVolumeMounts }}
  - {{ merge (dict "readOnly" true) . | toYaml | indent 4 | trim }}
  {{- end }}
{{- end -}}

{{/* One variable out of a secret: (name, secret, key). */}}
{{- define "tenon.secretVariable" -}}
- name: {{ .name }}
  valueFrom:
    secretKeyRef:
      name: {{ .secret }}
      key: {{ .key }}
{{- end -}}

{{/* Variables of whatever serves or works: (root, values). */}}
{{- define "tenon.variables" -}}
{{- $values := .root.Values -}}
{{ include "tenon.secretVariable" (dict "name" "TENON_DATABASE_URL" "secret" $values.database.existingSecret "key" "url") }}
{{ include "tenon.secretVariable" (dict "name" "TENON_REDIS_URL" "secret" $values.redis.existingSecret "key" "url") }}
{{ include "tenon.secretVariable" (dict "name" "TENON_ENCRYPTION_KEYS" "secret" $values.encryption.existingSecret "key" "keys") }}
- name: TENON_DATABASE_POOL
  value: {{ .values.databasePool | quote }}
{{- if $values.otel.endpoint }}
- name: POD_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
- name: OTEL_RESOURCE_ATTRIBUTES
  value: k8s.namespace.name={{ .root.Release.Namespace }},k8s.pod.name=$(POD_NAME)
{{- with $values.otel.existingSecret }}
{{ include "tenon.secretVariable" (dict "name" "OTEL_EXPORTER_OTLP_HEADERS" "secret" . "key" "headers") }}
{{- end }}
{{- end }}
{{- with $values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* All three probes ask the metrics port, so that they need nothing public. */}}
{{- define "tenon.probes" -}}
startupProbe:
  httpGet: {path: /health/live, port: metrics}
  periodSeconds: 2
  timeoutSeconds: 5
  failureThreshold: 45
livenessProbe:
  httpGet: {path: /health/live, port: metrics}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 3
readinessProbe:
  httpGet: {path: /health/ready, port: metrics}
  periodSeconds: 5
  timeoutSeconds: 5
  failureThreshold: 2
{{- end -}}
