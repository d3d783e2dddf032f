/**
 * Numbers that are read by their digits: telephone numbers, cards, codes, addresses, versions. Pure.
 *
 * @since 0.1.0
 */
import type { NumberRule } from "./NumberRule.ts"
import type { TextLanguage } from "./TextLanguage.ts"
import { sayDigitGroups, sayDigits, sayInteger } from "./WrittenNumber.ts"

const extensions = "ext\\.?|extension|x|Durchwahl|DW|poste|anexo|ext|interno|int\\.?|ramal|toestel|tst\\.?"

/** Before a number, these say that it is a code and no quantity. */
const codeBefore =
  /(?:\b(?:code|código|codice|kode|clave|contraseña|clé|mot de passe|senha|codigo|pin|otp|zip|order|account|booking|reference|ref|ticket|tracking|invoice|case|serial|policy|card|id|digits|bestellung|bestellnummer|kontonummer|kundennummer|rechnung|plz|postleitzahl|commande|compte|facture|dossier|postal|pedido|cuenta|factura|expediente|reserva|ordine|conto|fattura|pratica|prenotazione|cap|encomenda|conta|fatura|bestelling|bestelnummer|rekening|factuur|postcode|passwor[dt]|nummer|number|numéro|número|numero)(?:\s+(?:number|no\.?|nr\.?|nummer|code|is|are|ist|est|es|è|é|lautet|numéro|número|numero|de|di|:))*[:#\s]*|\b(?:card|account|number|phone|visa|mastercard) (?:that )?(?:ends|ending) (?:in|with)\s+|#)$/iu

/** Before a short number, these say that it is dialled. */
const dialBefore =
  /\b(?:call|dial|ring|phone|wählen? sie(?: die)?|wählen?|wähle|rufen? sie(?: die)?|rufe?|notruf|appel(?:ez|er|le) le|compos(?:ez|er) le|llam(?:e|a|ar|en) al|marque? el|chiam(?:a|i|ate|are) il|lig(?:ue|ar) para o|bel|draai)\s+$/iu

/**
 * Whether the text before a number of so many digits says that it is read by its digits, such as "order number" or "call".
 *
 * @category predicates
 * @since 0.1.0
 */
export const isCodeContext = (before: string, digits: number): boolean =>
  (digits >= 4 && codeBefore.test(before)) || (digits <= 6 && dialBefore.test(before))

/**
 * Makes the rules for telephone numbers, IP addresses, versions, cards and codes.
 *
 * @category constructors
 * @since 0.1.0
 */
export const codeRules = (language: TextLanguage): ReadonlyArray<NumberRule> => {
  const { numbers, words } = language
  const group = (digits: string) => numbers.phoneGroup?.(digits) ?? sayDigitGroups(digits, language)
  const phone = (text: string, least: number) => {
    const [main = "", extension] = text.split(/[^\d\s+()./\u00a0\u202f‑–-][^\d]*/u)
    // "+44 (0)20": the zero is not dialled from abroad
    const groups = (main.startsWith("+") ? main.replace("(0)", " ") : main).match(/\d+/gu) ?? []
    const count = groups.join("").length
    if (count < least || count > 16) return undefined
    const said = groups.map(group).join(", ")
    return {
      said: (main.startsWith("+") ? `${words.plus} ${said}` : said) +
        (extension === undefined ? "" : `, ${words.extension} ${sayDigits(extension, language)}`),
      isFinal: true
    }
  }
  const tail = `(?:,? ?(?:${extensions}) ?\\d{1,6})?(?![\\d\\p{L}]|[-–/:][\\d])`
  const separator = "[ \\u00a0\\u202f./‑–-]"
  const dotted = (text: string, digitwise: boolean) =>
    text.split(".").map((part) => digitwise && part.length > 2 ? sayDigits(part, language) : sayInteger(part, language))
      .join(` ${words.dot} `)
  return [
    {
      pattern: "(?:(?:0|[1-9]\\d{0,2})\\.){3}(?:0|[1-9]\\d{0,2})(?![\\d]|\\.\\d)",
      read: ([text], { before }) => {
        // "123.456.789.100" is a number where groups end with a full stop
        const isNumber = language.format.group === "." && /^\d{1,3}(?:\.\d{3}){3}$/u.test(text) &&
          !/^(?:192\.168|127|10|255)\./u.test(text) &&
          !/(?:\bIP\b|[Aa]d+ress|[Dd]irec|[Ii]ndiri|[Ee]ndere)[^.]*$/u.test(before)
        return isNumber || text.split(".").some((part) => Number(part) > 255)
          ? undefined
          : { said: dotted(text, true), isFinal: true }
      }
    },
    {
      pattern: `\\+\\d{1,3}(?:${separator}?\\(\\d{1,5}\\)|${separator}?\\d{1,5}){1,6}${tail}`,
      read: ([text]) => phone(text, 7)
    },
    {
      pattern: `\\(\\+?\\d{2,5}\\)${separator}?\\d{2,8}(?:${separator}\\d{2,8}){0,4}${tail}`,
      read: ([text]) => phone(text, 7)
    },
    {
      pattern: `0\\d{1,5}(?:(?:${separator}| / | - )\\d{2,9}){1,5}${tail}`,
      read: ([text]) => /^0\d?\.\d+$/u.test(text) ? undefined : phone(text, 8)
    },
    { pattern: `0\\d{8,11}${tail}`, read: ([text]) => phone(text, 9) },
    ...(numbers.phones === "" ? [] : [{
      pattern: `(?:${numbers.phones})${tail}`,
      read: ([text]: RegExpExecArray) => phone(text, 4)
    }]),
    { pattern: `1[.]\\d{3}[.]\\d{3}[.]\\d{4}${tail}`, read: ([text]) => phone(text, 11) },
    {
      // "9-1-1"
      pattern: "\\d(?:-\\d){2,6}(?![\\d\\p{L}-])",
      read: ([text]) => ({ said: sayDigits(text.replace(/-/gu, ""), language), isFinal: true })
    },
    {
      // "0x1F"
      pattern: "0x[\\dA-Fa-f]{1,16}(?![\\p{L}\\d])",
      read: ([text]) => ({
        said: Array.from(text, (char) => /\d/u.test(char) ? sayDigits(char, language) : char).join(" "),
        isFinal: true
      })
    },
    {
      // a card, an IBAN, an order number
      pattern: "\\d{4}(?:[ -]\\d{4}){2,7}(?:[ -]\\d{1,4})?(?![\\d])|\\d{1,7}(?:-\\d{1,7}){2,6}(?![\\d-])",
      read: ([text]) =>
        text.replace(/\D/gu, "").length < 7 ? undefined : ({
          said: (text.match(/\d+/gu) ?? []).map((part) => sayDigitGroups(part, language)).join(", "),
          isFinal: true
        })
    },
    {
      // a chapter or a version; "1.234.567" is a number
      pattern: "(?<=[vV])\\d{1,4}(?:\\.\\d{1,5}){1,5}(?!\\d)|\\d{1,4}(?:\\.\\d{1,5}){2,6}(?![\\d]|,\\d)",
      read: ([text]) =>
        /^[1-9]\d{0,2}(?:\.\d{3})+$/u.test(text) ? undefined : { said: dotted(text, false), isFinal: true }
    }
  ]
}
