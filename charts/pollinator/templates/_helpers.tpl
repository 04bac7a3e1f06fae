{{- define "pollinator.name" -}}
{{ .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* Name of most objects: that of the release, with the chart's name in it. */}}
{{- define "pollinator.fullname" -}}
{{- $name := include "pollinator.name" . }}
{{- $full := contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name) }}
{{- .Values.fullnameOverride | default $full | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "pollinator.serviceAccountName" -}}
{{- $own := .Values.serviceAccount.create | ternary (include "pollinator.fullname" .) "default" }}
{{- .Values.serviceAccount.name | default $own }}
{{- end }}

{{- define "pollinator.selectorLabels" -}}
app.kubernetes.io/name: {{ include "pollinator.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "pollinator.labels" -}}
{{ include "pollinator.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{/* The same and those a user asks for, of (list $ LABELS). */}}
{{- define "pollinator.labelsWith" -}}
{{ merge (include "pollinator.labels" (first .) | fromYaml) (last .) | toYaml }}
{{- end }}

{{/* Who the permissions are for. */}}
{{- define "pollinator.subjects" -}}
- kind: ServiceAccount
  name: {{ include "pollinator.serviceAccountName" . }}
  namespace: {{ .Release.Namespace }}
{{- end }}

{{- define "pollinator.image" -}}
{{- with .Values.image }}
{{- .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end }}
{{- end }}
