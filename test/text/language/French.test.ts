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

  golden("fr", "sentences", [
    ["Appuyez sur 1.", "Appuyez sur un."],
    ["Il est 15:45, soit 15h45.", "Il est quinze heures quarante-cinq, soit quinze heures quarante-cinq."],
    [
      "Le prix est de 1 299,99 € TTC, soit 12,50 euros.",
      "Le prix est de mille deux cent quatre-vingt-dix-neuf euros et quatre-vingt-dix-neuf centimes TTC, soit douze euros et cinquante centimes."
    ],
    ["Le 03/10/2026 à 9h05.", "Le trois octobre deux mille vingt-six à neuf heures cinq."],
    ["100 m en 9,58 s.", "cent mètres en neuf virgule cinquante-huit secondes."],
    ["de 9h à 17h, 9h00-17h00", "de neuf heures à dix-sept heures, neuf heures à dix-sept heures"],
    ["2-3 cuillères, 1/2 l de lait", "deux à trois cuillères, un demi litre de lait"],
    ["149,6 millions de km", "cent quarante-neuf virgule six millions de kilomètres"],
    ["Le score est de 3-2, 2:1.", "Le score est de trois à deux, deux à un."],
    [
      "1er janvier 2026, 31 décembre, le 5/11",
      "premier janvier deux mille vingt-six, trente et un décembre, le cinq novembre"
    ],
    ["75001 Paris, code postal 75001", "soixante-quinze mille un Paris, code postal sept cinq zéro zéro un"],
    ["0,5 %, 100 %, 5%", "zéro virgule cinq pour cent, cent pour cent, cinq pour cent"],
    [
      "+33 1 23 45 67 89, 01.23.45.67.89, 08 00 12 34 56, 3615",
      "plus trente-trois, un, vingt-trois, quarante-cinq, soixante-sept, quatre-vingt-neuf, zéro un, vingt-trois, quarante-cinq, soixante-sept, quatre-vingt-neuf, zéro huit, zéro zéro, douze, trente-quatre, cinquante-six, trois mille six cent quinze"
    ],
    ["16:9, 1/3, 2/5, 3/4", "seize à neuf, un tiers, deux cinquièmes, trois quarts"],
    [
      "100 000, 1 500, 12 000 €, 1500 €, 1 million d'euros, 1,5 M€, 300 k€",
      "cent mille, mille cinq cents, douze mille euros, mille cinq cents euros, un million d'euros, un virgule cinq million d'euros, trois cent mille euros"
    ],
    ["v2.0, 192.168.1.1", "v deux point zéro, un neuf deux point un six huit point un point un"],
    [
      "24h/24, 7j/7, 24 h, 2h30, 30 min, 1 h 05",
      "vingt-quatre heures sur vingt-quatre, sept jours sur sept, vingt-quatre heures, deux heures trente, trente minutes, une heure cinq"
    ],
    ["5 €/mois, 90 km/h", "cinq euros par mois, quatre-vingt-dix kilomètres par heure"],
    ["les années 1990, 80", "les années mille neuf cent quatre-vingt-dix, quatre-vingts"],
    ["-10 °C, 37,2°C, +5", "moins dix degrés Celsius, trente-sept virgule deux degrés Celsius, plus cinq"],
    ["1 personne, 1 pomme, 21 personnes, 1 an", "une personne, une pomme, vingt et une personnes, un an"],
    ["le 14 juillet 1789, 1515", "le quatorze juillet mille sept cent quatre-vingt-neuf, mille cinq cent quinze"],
    ["10h, 10 heures 30", "dix heures, dix heures trente"]
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
