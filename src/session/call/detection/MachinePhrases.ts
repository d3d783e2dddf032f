/**
 * What answering machines, voice mail and networks say, by language. Pure.
 *
 * @since 0.1.0
 */

const list = (...lines: ReadonlyArray<string>): ReadonlyArray<string> => lines.join(",").split(",")

/** In lower case and without punctuation; whole words. A person who answers says none of them. */
const byLanguage: { readonly [language: string]: ReadonlyArray<string> } = {
  de: list(
    "nach dem signalton,nach dem signal,nach dem ton,nach dem piepton,nach dem piep,nach dem pieps,hinterlassen sie,hinterlasse eine",
    "hinterlasst eine,hinterlass eine,eine nachricht hinterlassen,ihre nachricht,deine nachricht,anrufbeantworter,mailbox,sprachbox",
    "voicebox,nicht erreichbar,nicht zu erreichen,der angerufene teilnehmer,der gewünschte gesprächspartner",
    "kein anschluss unter dieser nummer,nicht vergeben,außerhalb unserer geschäftszeiten,sie rufen außerhalb"
  ),
  en: list(
    "leave a message,leave me a message,leave us a message,leave your message,leave your name,leave a name,leave your number",
    "leave a brief message,leave a short message,leave a voicemail,after the tone,after the beep,after the signal,at the tone",
    "at the beep,wait for the beep,wait for the tone,you have reached,you've reached,voicemail,voice mail,voice mailbox,mailbox",
    "answering machine,answering service,can't take your call,cannot take your call,can not take your call,unable to take your call",
    "not available to take your call,can't come to the phone,cannot come to the phone,unable to come to the phone,record your message",
    "get back to you as soon as,return your call as soon as,call you back as soon as,person you are trying to reach",
    "person you're trying to reach,person you are calling,number you have dialed,number you have dialled,number you have called",
    "number you dialed,customer you are calling,subscriber you have dialed,has been forwarded to,not in service,office hours are"
  ),
  es: list(
    "deje su mensaje,deje un mensaje,deje su nombre,deja tu mensaje,deja un mensaje,deja tu nombre,dejar un mensaje,dejar su mensaje",
    "después de la señal,después del tono,tras la señal,al oír la señal,al escuchar la señal,al escuchar el tono,buzón de voz",
    "buzón de mensajes,contestador automático,contestador,la persona a la que llama,el número que ha marcado,el número que usted marcó",
    "el número marcado,no se encuentra disponible,apagado o fuera de cobertura"
  ),
  fr: list(
    "laissez un message,laissez moi un message,laissez nous un message,laissez votre message,laisser un message,laisser votre message",
    "laisse un message,laisse moi un message,après le bip,après le signal,après le signal sonore,après la tonalité,messagerie vocale",
    "sur la messagerie,sur le répondeur,boîte vocale,répondeur,votre correspondant,le numéro que vous avez,n'est pas attribué",
    "vous êtes bien sur"
  ),
  it: list(
    "lasciate un messaggio,lasci un messaggio,lascia un messaggio,lasciare un messaggio,lasciate il vostro messaggio",
    "lasci il suo messaggio,dopo il segnale,dopo il segnale acustico,dopo il bip,segreteria telefonica,casella vocale",
    "la persona chiamata,il cliente da lei chiamato,il numero da lei,non è al momento raggiungibile,non raggiungibile"
  ),
  nl: list(
    "laat een bericht achter,laat uw bericht achter,laat je bericht achter,spreek een bericht in,spreek uw bericht in",
    "spreek je bericht in,een bericht inspreken,een boodschap inspreken,bericht achterlaten,na de piep,na de pieptoon,na de toon",
    "na het signaal,voicemail,antwoordapparaat,niet bereikbaar,het nummer dat u"
  ),
  pt: list(
    "deixe sua mensagem,deixe a sua mensagem,deixe uma mensagem,deixe o seu recado,deixe seu recado,deixe um recado,deixar uma mensagem",
    "deixar recado,após o sinal,depois do sinal,após o bip,depois do bip,após o tom,correio de voz,caixa postal,caixa de mensagens",
    "secretária eletrônica,atendedor de chamadas,o número que marcou,o número chamado,o cliente que pretende,a pessoa para quem ligou"
  )
}

/** Words that machines have in every language. */
const common: ReadonlyArray<string> = ["voicemail", "mailbox"]

const compile = (phrases: ReadonlyArray<string>): RegExp =>
  new RegExp(`(?<= )(?:${[...new Set([...common, ...phrases])].join("|")})(?= )`, "u")

const compiled: ReadonlyMap<string, RegExp> = new Map(
  Object.entries(byLanguage).map(([language, phrases]) => [language, compile([...phrases, ...byLanguage["en"]!])])
)
const ofAll = compile(Object.values(byLanguage).flat())

/** What is read of a transcript: its end. */
const MAX_CHARACTERS = 1_000

/**
 * Whether a machine has said this. Networks speak English beside the language of their country; `language` is a BCP 47 tag, and
 * without it, or in a language without a table, the phrases of all languages count.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isMachine = (transcript: string, language?: string): boolean => {
  const words = transcript.slice(-MAX_CHARACTERS).normalize("NFC").toLowerCase().replace(/[‘’`]/gu, "'")
    .replace(/[^\p{L}\p{M}\p{N}']+/gu, " ")
  const phrases = language === undefined ? ofAll : compiled.get(language.toLowerCase().split("-")[0]!) ?? ofAll
  return phrases.test(` ${words} `)
}
