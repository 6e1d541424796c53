{{- define "logclass.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 52 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 52 | trimSuffix "-" }}{{ end -}}
{{- end }}

{{- define "logclass.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "logclass.labels" -}}
{{ include "logclass.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- /* logclass.conf: what the chart needs, then the options, then the sections, which come last. In a pod the address that can
be reached is not loopback; who may reach it is decided by tokens or by the network policy. */ -}}
{{- define "logclass.conf" -}}
host = 0.0.0.0
port = 8080
log-json = yes
drain-delay = 5000
drain-time-max = 20000
{{- if .Values.tokensSecret }}
token-file = /etc/logclass-tokens/tokens
{{- else }}
allow-open = yes
{{- end }}
{{- if .Values.llmKeySecret }}
llm-key-file = /etc/logclass-llm/key
{{- end }}
{{- range $key, $value := .Values.options }}
{{ $key }} = {{ if kindIs "bool" $value }}{{ ternary "yes" "no" $value }}{{ else if kindIs "float64" $value }}{{ $value | toJson }}{{ else }}{{ $value }}{{ end }}
{{- end }}
{{- if eq .Values.mode "run" }}

{{ .Values.sections }}
{{- end }}
{{- end }}
