/**
 * Whether a full stop ends a sentence, or belongs to an abbreviation, an initial or an ordinal. By language. Pure.
 *
 * @since 0.1.0
 */
import type { TextLanguage } from "../language/TextLanguage.ts"

/**
 * What a full stop does: ends a sentence, or not; `wait`: more of the next word is needed.
 *
 * @category models
 * @since 0.1.0
 */
export type FullStop = "ends" | "continues" | "wait"

/** A word that often begins a sentence, after an abbreviation that may end one: "in the U.S. The …". */
const starters: { readonly [language: string]: string } = {
  en:
    "The A An It He She We I You They This That These Those There Here In On At If When While But And So Or As For To My Our " +
    "Your His Her Its Their What Why How Who Where Which Please Yes No Not Now Then Is Are Was Were Do Does Did Can Could Will " +
    "Would Should May Have Has Let After Before Since Because Although However Also Once Today Tomorrow Yesterday It's I'm " +
    "We're You're That's There's I'll We'll Let's Don't With From By Some Many Most Each Every All Both Another Next Thanks",
  de:
    "Der Die Das Dem Den Des Ein Eine Einen Einem Es Er Sie Wir Ich Du Ihr Ihre In Im Am An Auf Aus Bei Mit Nach Vor Und Aber " +
    "Oder Wenn Als Was Wie Wo Warum Wann Wer Ja Nein Bitte Dann Danach Dort Hier Heute Morgen Gestern Also Da Damit Doch Man Mein " +
    "Meine Unser Unsere Seine Dies Diese Dieser Dieses Jetzt Noch Nun Ob So Zu Zum Zur Von Für Gegen Um Über Unter Durch Alle " +
    "Alles Viele Außerdem Zuerst Deshalb Daher Trotzdem Allerdings Können Möchten Soll Sollen Haben Ist Sind Gibt Kein Keine Nicht Auch",
  fr:
    "Le La Les L' Un Une Des Il Elle Ils Elles On Nous Vous Je Tu Ce Cet Cette Ces C'est Et Mais Ou Donc Or Car Si Quand Que Qui " +
    "Où Comment Pourquoi Dans En Au Aux À De Du Pour Par Avec Sans Sur Sous Puis Ensuite Après Avant Oui Non Merci Voici Voilà Alors " +
    "Aussi Mon Ma Mes Notre Nos Votre Vos Son Sa Ses Leur Leurs",
  es:
    "El La Los Las Lo Un Una Unos Unas Él Ella Ellos Nosotros Usted Ustedes Yo Tú Este Esta Estos Estas Eso Esto Y Pero O Si " +
    "Cuando Que Qué Quién Dónde Cómo Por Para Con Sin En A Al De Del Es Son Hay Sí No Gracias Luego Después Antes Entonces También " +
    "Mi Su Nuestro Nuestra Se Le Les Me Te Nos ¿ ¡",
  it:
    "Il Lo La I Gli Le L' Un Uno Una È E Ma O Se Quando Che Chi Dove Come Perché Nel Nella In A Al Alla Di Del Della Per Con Su " +
    "Da Dal Sì No Grazie Poi Dopo Prima Allora Anche Questo Questa Quello Quella Io Tu Lui Lei Noi Voi Loro Mi Ti Si Ci Vi Mio Suo",
  pt:
    "O A Os As Um Uma Uns Umas Ele Ela Eles Elas Nós Você Vocês Eu Tu Este Esta Isso Isto Esse Essa E Mas Ou Se Quando Que Quem " +
    "Onde Como Por Para Com Sem Em No Na Nos Nas Ao À De Do Da É São Há Sim Não Obrigado Obrigada Depois Antes Então Também Meu " +
    "Minha Seu Sua Nosso Nossa",
  nl:
    "De Het Een Er Hij Zij Ze Wij We Ik Jij Je U Jullie Dit Dat Deze Die En Maar Of Als Wanneer Wat Wie Waar Hoe Waarom In Op Aan " +
    "Bij Met Na Voor Van Naar Om Ja Nee Dan Daarna Daar Hier Nu Ook Dus Want Bedankt Mijn Onze Uw Zijn Haar Hun Is Zijn Alle"
}

/**
 * Abbreviations that are words of their own as well, or stand before a number: with them a sentence goes on before a number, a
 * small letter, or the name of a month.
 */
const ambiguous = new Set(
  ("no nos art fig figs eq sec ch vol vols p pp sun sat mon fri wed thu tue mar may jan feb apr jun jul aug sep sept oct nov dec ill " +
    "miss mass ore wash ala del ind me min max nr so do mi sa fr di mo mai okt dez juli juni s abs kap bd jh núm pág dom sex seg " +
    "mer jeu ven lun vr za zo ma wo nl si").split(" ")
)

/** Those of them that are far more often words: "No." is an answer. */
const ordinary = new Set("no nos sun sat so do me mi ill miss mass art mar di si ven dom".split(" "))

/** Abbreviations that end no sentence in any language: titles, and words that are nothing else. */
const common =
  ("Mr Mrs Ms Mme Mmes Mlle Mgr Dr dr Drs drs Dra Dott Prof prof Profa Sr Sra Srta Sig St Ste Lt Col Gen Capt Cpt Sgt Maj Adm " +
    "Gov Sen Rep Rev Hon Hr Hrn Dhr Mevr dhr mevr Ing Inż mgr inż vs cf cfr viz ca approx aprox env bijv bzw ggf evtl inkl " +
    "np tzn tzv např resp bl.a t.ex p.ex p.ej p.es c.-à-d z u d ul Ltd Mt Ft др им ул гг")
    .split(" ")
/** Those that stand before a number, in any language; before a word they may end a sentence, or be words. */
const beforeNumbers =
  ("No Nos no nos Nr Nrn nr n núm n.º S s p P pp pg pág págs pag pagg str Str Fig Figs fig figs Abb Vol Vols vol vols Ch ch Cap cap " +
    "Chap chap Kap Art art Abs Bd Tel tel tlf tél kl Sec sec Jan Feb Mar Apr Jun Jul Aug Sep Sept Oct Okt Nov Dec Dez janv févr avr juil déc " +
    "ene abr ago dic mag giu lug ott фиг рис стр г д кв ст").split(" ")
/** Those after which a sentence may end, in any language. */
const commonFinal = "etc ecc enz osv usw itd itp atd Inc Corp Co Jr Bros".split(" ")

const dottedInitials = /^(?:\p{L}\.)+\p{L}$/u
/** "U.S.", but not "a.m." */
const capitalInitials = /^(?:\p{Lu}\.)+\p{Lu}$/u
const initial = /^\p{Lu}$/u
const dayOrZone =
  /^(?:Mon|Tues?|Wed(?:nes)?|Thu(?:rs)?|Fri|Satur|Sun)(?:day)?|^[A-Z]{2,4}$|^(?:Eastern|Pacific|Central|Mountain)$/u

interface Rules {
  readonly plain: ReadonlySet<string>
  readonly final: ReadonlySet<string>
  readonly ambiguous: ReadonlySet<string>
  readonly starts: ReadonlySet<string>
  readonly months: ReadonlySet<string>
  /** "3. Oktober": an ordinal is written with a full stop. */
  readonly ordinals: boolean
  /** Every noun has a capital, so that a capital says little. */
  readonly nounsHaveCapitals: boolean
  readonly known: boolean
}

const partsOf = (entries: ReadonlyArray<string>): Set<string> => {
  const all = entries.flatMap((entry) => [entry, ...entry.split(/\.?\s+/u)])
  return new Set(
    all.flatMap((entry) => [entry, entry.charAt(0).toUpperCase() + entry.slice(1)]).filter((entry) => entry !== "")
  )
}

const make = (language: TextLanguage | undefined): Rules => {
  const tag = language?.tag.split("-", 1)[0] ?? ""
  return {
    plain: language === undefined
      ? new Set([...common, ...beforeNumbers])
      : partsOf([
        ...language.abbreviations,
        ...language.expansions.flatMap(([written]) => written.endsWith(".") ? [written.slice(0, -1)] : [])
      ]),
    final: new Set(language?.finalAbbreviations ?? commonFinal),
    ambiguous: language === undefined ? new Set(beforeNumbers.map((word) => word.toLowerCase())) : ambiguous,
    starts: new Set((starters[tag] ?? "").split(" ")),
    months: new Set(
      (language?.dates.months ?? []).flatMap((month) => [month, month.charAt(0).toUpperCase() + month.slice(1)])
    ),
    ordinals: tag === "de",
    nounsHaveCapitals: tag === "de",
    known: language !== undefined
  }
}

const unknown = make(undefined)
const known = new WeakMap<TextLanguage, Rules>()

const rulesOf = (language: TextLanguage | undefined): Rules => {
  if (language === undefined) return unknown
  const made = known.get(language) ?? make(language)
  known.set(language, made)
  return made
}

/** The word before the full stop at `at`, without what opens it. */
const wordBefore = (text: string, at: number): string =>
  /[^\s("'“‘«[]*$/u.exec(text.slice(Math.max(0, at - 24), at))?.[0] ?? ""

/** "1. Milk 2. Bread": whether a text begins with the number of a list, and goes on counting up to this one. */
const isListNumber = (text: string, at: number, value: number): boolean => {
  const before = text.slice(0, at)
  if (value === 1) return before.trim() === "1"
  return /^\s*\d{1,2}[.,)]\s/u.test(text) && new RegExp(`(?:^|\\s)${value - 1}[.,)]\\s`, "u").test(before)
}

const nextWord = /^["'“‘«(¿¡]*([\p{L}\p{M}\p{N}'’]*)(.?)/su

/**
 * What the full stop at `at` does, with white space after it.
 *
 * @category accessors
 * @since 0.1.0
 */
export const fullStop = (text: string, at: number, language: TextLanguage | undefined): FullStop => {
  const rules = rulesOf(language)
  const word = wordBefore(text, at)
  if (word === "") return "ends"
  // "Hauptstr. 5"
  const isStreet = rules.ordinals && /\p{Ll}str$/u.test(word)
  const isPlain = isStreet || rules.plain.has(word)
  const isFinal = rules.final.has(word) || dottedInitials.test(word)
  const isOrdinal = rules.ordinals && /^\d{1,3}$/u.test(word)
  if (!isPlain && !isFinal && !isOrdinal && /^\d{1,2}$/u.test(word) && isListNumber(text, at, Number(word))) {
    return "continues"
  }
  if (!isPlain && !isFinal && !isOrdinal) return initial.test(word) ? "continues" : "ends"
  const isAmbiguous = isStreet || (!initial.test(word) && rules.ambiguous.has(word.toLowerCase()))
  if (isPlain && !isFinal && !isAmbiguous) return "continues"
  const after = text.slice(at + 1)
  if (/^\s*\n/u.test(after)) return "ends"
  const [, next = "", end = ""] = nextWord.exec(after.trimStart()) ?? []
  if (next === "") return end === "" ? "wait" : "ends"
  if (/^[\p{Ll}\p{N}]/u.test(next) && !(isFinal && /^\p{N}/u.test(next) && !isPlain)) return "continues"
  if (end === "") return "wait"
  if (rules.months.has(next)) return isOrdinal || isAmbiguous ? "continues" : "ends"
  if (isOrdinal) return rules.starts.has(next) ? "ends" : "continues"
  // "on Mon. Dec. 5"
  if (isAmbiguous && end === "." && rules.plain.has(next) && rules.ambiguous.has(next.toLowerCase())) return "continues"
  if (isAmbiguous && !isFinal) return "ends"
  // without tables: "U.S. Senate" goes on, after "etc." and "f.m." another sentence begins
  if (!rules.known) return capitalInitials.test(word) || rules.plain.has(word) ? "continues" : "ends"
  if (/^[ap]\.m$/iu.test(word)) return dayOrZone.test(next) ? "continues" : "ends"
  // "U.S. Senate", "Apple Inc. CEO", "usw. Äpfel"
  return rules.starts.has(next.replace("’", "'")) || (!rules.nounsHaveCapitals && /^(?:etc|ecc|enz)$/u.test(word))
    ? "ends"
    : "continues"
}

/**
 * Whether a text ends with a full stop after which its sentence certainly goes on: that of a title or an initial.
 *
 * @category predicates
 * @since 0.1.0
 */
export const continuesAfterFullStop = (text: string, language?: TextLanguage): boolean => {
  const end = text.trimEnd()
  return end.endsWith(".") && fullStop(`${end} `, end.length - 1, language) === "continues"
}

/**
 * Whether a text ends with a full stop that may belong to an abbreviation, an initial or an ordinal.
 *
 * @category predicates
 * @since 0.1.0
 */
export const endsInAbbreviation = (text: string, language?: TextLanguage): boolean => {
  const end = text.trimEnd()
  if (!end.endsWith(".")) return false
  const rules = rulesOf(language)
  const word = wordBefore(end, end.length - 1)
  if (ordinary.has(word.toLowerCase())) return false
  return rules.plain.has(word) || rules.final.has(word) || initial.test(word) ||
    dottedInitials.test(word) || (rules.ordinals && /^\d{1,3}$/u.test(word))
}
