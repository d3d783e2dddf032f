import { describe } from "@effect/vitest"
import { golden } from "./GoldenTable.ts"

describe("numbers in French", () => {
  golden("fr", "nombres", [
    ["1 234 567 habitants", "un million deux cent trente-quatre mille cinq cent soixante-sept habitants"],
    ["1.234.567", "un million deux cent trente-quatre mille cinq cent soixante-sept"],
    ["0", "zéro"],
    ["21", "vingt et un"],
    ["71", "soixante et onze"],
    ["80", "quatre-vingts"],
    ["81", "quatre-vingt-un"],
    ["91", "quatre-vingt-onze"],
    ["99", "quatre-vingt-dix-neuf"],
    ["100 et 101", "cent et cent un"],
    ["200", "deux cents"],
    ["201", "deux cent un"],
    ["1000", "mille"],
    ["1001", "mille un"],
    ["80 000", "quatre-vingt mille"],
    ["200 000 000", "deux cents millions"],
    ["1 000 000 000", "un milliard"],
    ["3,14", "trois virgule quatorze"],
    ["0,05", "zéro virgule zéro cinq"],
    ["-5", "moins cinq"],
    ["1 minute", "une minute"],
    ["21 heures", "vingt et une heures"],
    ["31 ans", "trente et un ans"],
    ["1,5 million", "un virgule cinq million"],
    ["2 millions de gens", "deux millions de gens"],
    ["en 1999", "en mille neuf cent quatre-vingt-dix-neuf"],
    ["en 2026", "en deux mille vingt-six"],
    ["les années 90", "les années quatre-vingt-dix"],
    ["1914–1918", "mille neuf cent quatorze à mille neuf cent dix-huit"],
    ["3-5 jours", "trois à cinq jours"]
  ])

  golden("fr", "ordinaux", [
    ["le 1er mai", "le premier mai"],
    ["la 1re fois", "la première fois"],
    ["la 1ère place", "la première place"],
    ["le 2e étage", "le deuxième étage"],
    ["le 2ème tour", "le deuxième tour"],
    ["la 21e édition", "la vingt et unième édition"],
    ["le 5e et le 9e", "le cinquième et le neuvième"],
    ["le 80e", "le quatre-vingtième"],
    ["le 100e", "le centième"]
  ])

  golden("fr", "argent", [
    ["1 234,56 €", "mille deux cent trente-quatre euros et cinquante-six centimes"],
    ["1.234,56 €", "mille deux cent trente-quatre euros et cinquante-six centimes"],
    ["5 millions €", "cinq millions d'euros"],
    ["5 M€", "cinq millions d'euros"],
    ["2 000 000 €", "deux millions d'euros"],
    ["1 €", "un euro"],
    ["1,50 €", "un euro et cinquante centimes"],
    ["0,99 €", "quatre-vingt-dix-neuf centimes"],
    ["3–5 €", "trois à cinq euros"],
    ["20 £", "vingt livres"],
    ["$5", "cinq dollars"],
    ["CHF 5.-", "cinq francs suisses"],
    ["1,5 milliard €", "un virgule cinq milliard d'euros"],
    ["21 €", "vingt et un euros"],
    ["2 €/kg", "deux euros par kilogramme"]
  ])

  golden("fr", "mesures", [
    ["5 %", "cinq pour cent"],
    ["10-15 %", "dix à quinze pour cent"],
    ["20 °C", "vingt degrés Celsius"],
    ["-5 °C", "moins cinq degrés Celsius"],
    ["5 km", "cinq kilomètres"],
    ["1 km", "un kilomètre"],
    ["1,5 km", "un virgule cinq kilomètre"],
    ["2,5 km", "deux virgule cinq kilomètres"],
    ["100 km/h", "cent kilomètres par heure"],
    ["21 t", "vingt et une tonnes"],
    ["20 m²", "vingt mètres carrés"],
    ["5 kWh", "cinq kilowattheures"],
    ["16 Go", "seize gigaoctets"],
    ["500 g", "cinq cents grammes"]
  ])

  golden("fr", "dates et heures", [
    ["2026-11-29", "vingt-neuf novembre deux mille vingt-six"],
    ["29/11/2026", "vingt-neuf novembre deux mille vingt-six"],
    ["3 octobre 2026", "trois octobre deux mille vingt-six"],
    ["le 1er octobre", "le premier octobre"],
    ["du 3 au 5 octobre", "du trois au cinq octobre"],
    ["3-5 octobre", "trois à cinq octobre"],
    ["17h30", "dix-sept heures trente"],
    ["17 h 30", "dix-sept heures trente"],
    ["17:30", "dix-sept heures trente"],
    ["21h", "vingt et une heures"],
    ["1h", "une heure"],
    ["9h-17h", "neuf heures à dix-sept heures"],
    ["8 heures", "huit heures"],
    ["1:23:45", "une heure vingt-trois minutes quarante-cinq secondes"]
  ])

  golden("fr", "téléphones et codes", [
    ["01 23 45 67 89", "zéro un, vingt-trois, quarante-cinq, soixante-sept, quatre-vingt-neuf"],
    ["06 12 34 56 78", "zéro six, douze, trente-quatre, cinquante-six, soixante-dix-huit"],
    ["+33 6 12 34 56 78", "plus trente-trois, six, douze, trente-quatre, cinquante-six, soixante-dix-huit"],
    ["Appelez le 112.", "Appelez le un un deux."],
    ["code 1234", "code un deux trois quatre"],
    ["007", "zéro zéro sept"],
    ["192.168.0.1", "un neuf deux point un six huit point zéro point un"],
    ["A7", "A sept"],
    ["COVID-19", "COVID-dix-neuf"]
  ])

  golden("fr", "fractions", [
    ["1/2", "un demi"],
    ["3/4 de litre", "trois quarts de litre"],
    ["2½", "deux et demi"],
    ["2/3", "deux tiers"],
    ["3:1", "trois à un"],
    ["2+2=4", "deux plus deux égale quatre"],
    ["10³", "dix au cube"],
    ["3 x 4 m", "trois sur quatre mètres"]
  ])

  golden("fr-BE", "Belgique et Suisse", [
    ["71", "septante et un"],
    ["81", "quatre-vingt-un"],
    ["99", "nonante-neuf"]
  ])

  golden("fr-CH", "Suisse", [
    ["71", "septante et un"],
    ["81", "huitante et un"],
    ["99", "nonante-neuf"],
    ["1'234.50 CHF", "mille deux cent trente-quatre francs et cinquante centimes"],
    ["CHF 5.-", "cinq francs"]
  ])
})
