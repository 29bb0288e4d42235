{{/* Every setting that is no secret. */}}
{{- define "tenon.settings" -}}
TENON_PUBLIC_URL: {{ .Values.publicUrl | quote }}
TENON_BIND: "0.0.0.0:8000"
TENON_METRICS_BIND: "0.0.0.0:9000"
TENON_WORKERS: "1"
{{- range $name, $value := .Values.settings }}
TENON_{{ snakecase $name | upper }}: {{ include "tenon.value" $value | quote }}
{{- end }}
{{- if .Values.otel.endpoint }}
OTEL_SERVICE_NAME: {{ include "tenon.fullname" . | quote }}
OTEL_EXPORTER_OTLP_ENDPOINT: {{ .Values.otel.endpoint | quote }}
OTEL_EXPORTER_OTLP_PROTOCOL: http/protobuf
OTEL_TRACES_SAMPLER: traceidratio
OTEL_TRACES_SAMPLER_ARG: {{ .Values.otel.sampleRatio | quote }}
{{- end }}
{{- end -}}

{{/* A value as Tenon reads it: switches are words, and Helm's numbers are floating. */}}
{{- define "tenon.value" -}}
{{- if kindIs "bool" . -}}
{{ ternary "on" "off" . }}
{{- else if kindIs "string" . -}}
{{ . }}
{{- else -}}
{{ int64 . }}
{{- end -}}
{{- end -}}
