/** The configuration files of an Asterisk for tests: loopback only, and only the modules that the tests need. */
import { readdirSync } from "node:fs"
import { join } from "node:path"
import { directory } from "../../../scripts/asterisk/Chroot.ts"

export interface AsteriskConfigOptions {
  /** Its folder, as it sees it. */
  readonly folder: string
  readonly sipPort: number
  readonly httpPort: number
  readonly password: string
  /** `extensions.conf`. */
  readonly dialplan: string
  /** Where the WebSocket channel named `effectvoice` connects to. */
  readonly webSocket?: { readonly url: string; readonly username?: string; readonly password?: string } | undefined
  /** How control messages of WebSocket channels are written. Default `json`. */
  readonly controlFormat?: "json" | "plain-text" | undefined
}

const modules = `
res_timing_timerfd res_sorcery_config res_sorcery_memory res_sorcery_astdb pbx_config
format_wav format_pcm format_sln codec_ulaw codec_alaw codec_a_mu codec_resample
bridge_simple bridge_softmix bridge_holding bridge_native_rtp
func_callerid func_channel func_uuid func_logic func_strings func_uri func_global func_base64
app_dial app_echo app_playback app_playtones app_record app_mixmonitor app_verbose app_amd app_transfer app_senddtmf app_read
app_stack app_milliwatt app_userevent res_clioriginate
res_http_websocket res_websocket_client chan_websocket res_audiosocket app_audiosocket chan_audiosocket
res_stasis res_stasis_answer res_stasis_playback res_stasis_recording res_stasis_snoop app_stasis
res_ari_model res_ari res_ari_applications res_ari_asterisk res_ari_bridges res_ari_channels res_ari_events
res_ari_playbacks res_ari_recordings
res_pjproject res_pjsip res_pjsip_session res_pjsip_pubsub res_pjsip_nat res_pjsip_authenticator_digest
res_pjsip_outbound_authenticator_digest res_pjsip_endpoint_identifier_ip res_pjsip_endpoint_identifier_user
res_pjsip_endpoint_identifier_anonymous res_pjsip_sdp_rtp res_pjsip_dtmf_info res_pjsip_refer res_pjsip_caller_id
res_pjsip_rfc3326 res_rtp_asterisk chan_pjsip
`.trim().split(/\s+/u)

/** The folder of modules is named by the architecture. */
const moduleFolder = (): string => {
  const triplet = readdirSync(join(directory, "usr/lib")).find((each) => each.endsWith("-linux-gnu")) ?? ""
  return `/usr/lib/${triplet}/asterisk/modules`
}

/** The files by name. */
export const files = (options: AsteriskConfigOptions): { readonly [name: string]: string } => ({
  "asterisk.conf": `
[directories]
astetcdir => ${options.folder}/etc
astmoddir => ${moduleFolder()}
astvarlibdir => ${options.folder}/lib
astdbdir => ${options.folder}/lib
astkeydir => ${options.folder}/lib
astdatadir => /usr/share/asterisk
astspooldir => ${options.folder}/spool
astrundir => ${options.folder}/run
astlogdir => ${options.folder}/log
[options]
documentation_language = en_US
verbose = 3
`,
  "modules.conf": `
[modules]
autoload = no
${modules.map((name) => `load = ${name}.so`).join("\n")}
`,
  "logger.conf": `
[general]
[logfiles]
console = notice,warning,error,verbose(3)
`,
  "http.conf": `
[general]
enabled = yes
bindaddr = 127.0.0.1
bindport = ${options.httpPort}
`,
  "ari.conf": `
[general]
enabled = yes
[voice]
type = user
read_only = no
password = ${options.password}
`,
  "indications.conf": `
[general]
country = us
[us]
description = United States
ringcadence = 2000,4000
dial = 350+440
busy = 480+620/500,0/500
ring = 440+480/2000,0/4000
congestion = 480+620/250,0/250
callwaiting = 440/300,0/10000
dialrecall = !350+440/100,!0/100,350+440
record = 1400/500,0/15000
info = !950/330,!1400/330,!1800/330,0
`,
  // the thresholds of AMD()
  "amd.conf": `
[general]
total_analysis_time = 5000
silence_threshold = 256
initial_silence = 2500
after_greeting_silence = 800
greeting = 1500
min_word_length = 100
maximum_word_length = 5000
between_words_silence = 50
maximum_number_of_words = 2
`,
  "rtp.conf": `
[general]
rtpstart = 20000
rtpend = 29999
`,
  "chan_websocket.conf": `
[global]
control_message_format = ${options.controlFormat ?? "json"}
`,
  "websocket_client.conf": options.webSocket === undefined ? "" : `
[effectvoice]
type = websocket_client
connection_type = per_call_config
uri = ${options.webSocket.url}
protocols = media
connection_timeout = 2000
reconnect_interval = 500
reconnect_attempts = 3
tls_enabled = no
${options.webSocket.username === undefined ? "" : `username = ${options.webSocket.username}`}
${options.webSocket.password === undefined ? "" : `password = ${options.webSocket.password}`}
`,
  "pjsip.conf": `
[udp]
type = transport
protocol = udp
bind = 127.0.0.1:${options.sipPort}

; anybody on loopback may call; PJSIP/phone/sip:name@host:port calls any telephone
[phone]
type = endpoint
context = voice
transport = udp
disallow = all
allow = ulaw,alaw
direct_media = no
rtp_symmetric = yes
dtmf_mode = auto_info
[phone]
type = identify
endpoint = phone
match = 127.0.0.1
`,
  "extensions.conf": options.dialplan
})
