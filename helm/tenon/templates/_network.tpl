{{/* One rule: (peers, direction "to" or "from", ports). No peers are everyone. */}}
{{- define "tenon.rule" -}}
- ports:
    {{- range .ports }}
    - port: {{ . }}
      protocol: TCP
    {{- end }}
  {{- with .peers }}
  {{ $.direction }}:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{/* What every pod needs: names and the database. */}}
{{- define "tenon.egress" -}}
{{- with .Values.networkPolicy -}}
- ports:
    - port: 53
      protocol: UDP
    - port: 53
      protocol: TCP
  {{- with .dns.to }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{ include "tenon.rule" (dict "direction" "to" "peers" .database.to "ports" .database.ports) }}
{{- end }}
{{- end -}}

{{/* Everywhere but in the private ranges; each family of addresses has exceptions of its own. */}}
{{- define "tenon.outside" -}}
{{- $four := list -}}
{{- $six := list -}}
{{- range .Values.networkPolicy.privateRanges -}}
{{- if contains ":" . }}{{ $six = append $six . }}{{ else }}{{ $four = append $four . }}{{ end -}}
{{- end -}}
- ipBlock:
    cidr: 0.0.0.0/0
    {{- with $four }}
    except:
      {{- toYaml . | nindent 6 }}
    {{- end }}
- ipBlock:
    cidr: "::/0"
    {{- with $six }}
    except:
      {{- toYaml . | nindent 6 }}
    {{- end }}
{{- end -}}

{{- define "tenon.otelPort" -}}
{{- $url := urlParse .Values.otel.endpoint -}}
{{- $port := regexFind ":[0-9]+$" $url.host | trimPrefix ":" -}}
{{- default (ternary 443 80 (eq $url.scheme "https")) $port -}}
{{- end -}}
