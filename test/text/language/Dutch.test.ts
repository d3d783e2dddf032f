import { describe } from "@effect/vitest"
import { golden } from "./GoldenTable.ts"

describe("numbers in Dutch", () => {
  golden("nl", "getallen", [
    ["1.234.567 inwoners", "één miljoen tweehonderdvierendertigduizend vijfhonderdzevenenzestig inwoners"],
    ["0", "nul"],
    ["1", "één"],
    ["21", "eenentwintig"],
    ["22", "tweeëntwintig"],
    ["23", "drieëntwintig"],
    ["31 dagen", "eenendertig dagen"],
    ["100 en 101", "honderd en honderdeen"],
    ["200", "tweehonderd"],
    ["1.000", "duizend"],
    ["1.001", "duizend één"],
    ["1.234 mensen", "twaalfhonderdvierendertig mensen"],
    ["2.100", "eenentwintighonderd"],
    ["2.026", "tweeduizend zesentwintig"],
    ["21.000", "eenentwintigduizend"],
    ["1.000.000", "één miljoen"],
    ["2.000.001", "twee miljoen één"],
    ["1.000.000.000", "één miljard"],
    ["3,14", "drie komma veertien"],
    ["0,05", "nul komma nul vijf"],
    ["-5", "min vijf"],
    ["1,5 miljoen", "één komma vijf miljoen"],
    ["2 miljoen mensen", "twee miljoen mensen"],
    ["in 1999", "in negentiennegenennegentig"],
    ["in 2026", "in tweeduizend zesentwintig"],
    ["in 1905", "in negentienhonderdvijf"],
    ["sinds 1900", "sinds negentienhonderd"],
    ["de jaren '90", "de jaren negentig"],
    ["de jaren 80", "de jaren tachtig"],
    ["1914–1918", "negentienveertien tot negentienachttien"],
    ["3-5 dagen", "drie tot vijf dagen"]
  ])

  golden("nl", "rangtelwoorden", [
    ["de 1e", "de eerste"],
    ["de 1ste", "de eerste"],
    ["de 2e", "de tweede"],
    ["de 3e", "de derde"],
    ["de 3de", "de derde"],
    ["de 8e", "de achtste"],
    ["de 8ste", "de achtste"],
    ["de 12e", "de twaalfde"],
    ["de 19e", "de negentiende"],
    ["de 20e", "de twintigste"],
    ["de 21e eeuw", "de eenentwintigste eeuw"],
    ["de 100e", "de honderdste"],
    ["de 101e", "de honderdeerste"]
  ])

  golden("nl", "geld", [
    ["€ 1.234,56", "twaalfhonderdvierendertig euro en zesenvijftig cent"],
    ["1.234,56 €", "twaalfhonderdvierendertig euro en zesenvijftig cent"],
    ["€ 5 miljoen", "vijf miljoen euro"],
    ["€ 2,5 mln", "twee komma vijf miljoen euro"],
    ["€ 1", "één euro"],
    ["€ 1,50", "één euro en vijftig cent"],
    ["€ 0,99", "negenennegentig cent"],
    ["€ 5,-", "vijf euro"],
    ["€ 3–5", "drie tot vijf euro"],
    ["€ 3-5", "drie tot vijf euro"],
    ["$ 5", "vijf dollar"],
    ["£ 20", "twintig pond"],
    ["€ 2/kg", "twee euro per kilogram"],
    ["5 euro", "vijf euro"]
  ])

  golden("nl", "maten", [
    ["5 %", "vijf procent"],
    ["5%", "vijf procent"],
    ["10-15 %", "tien tot vijftien procent"],
    ["20 °C", "twintig graden Celsius"],
    ["-5 °C", "min vijf graden Celsius"],
    ["1 °C", "één graad Celsius"],
    ["5 km", "vijf kilometer"],
    ["1,5 km", "één komma vijf kilometer"],
    ["100 km/u", "honderd kilometer per uur"],
    ["2 t", "twee ton"],
    ["20 m²", "twintig vierkante meter"],
    ["5 kWh", "vijf kilowattuur"],
    ["16 GB", "zestien gigabyte"],
    ["5 min", "vijf minuten"],
    ["1 min", "één minuut"]
  ])

  golden("nl", "datum en tijd", [
    ["2026-11-29", "negenentwintig november tweeduizend zesentwintig"],
    ["29-11-2026", "negenentwintig november tweeduizend zesentwintig"],
    ["29/11/2026", "negenentwintig november tweeduizend zesentwintig"],
    ["3 oktober 2026", "drie oktober tweeduizend zesentwintig"],
    ["1 mei", "één mei"],
    ["van 3 tot 5 oktober", "van drie tot vijf oktober"],
    ["17:30", "zeventien uur dertig"],
    ["17.30 uur", "zeventien uur dertig"],
    ["om 17.30", "om zeventien uur dertig"],
    ["17 uur", "zeventien uur"],
    ["9–17 uur", "negen tot zeventien uur"],
    ["8:05 uur", "acht uur vijf"],
    ["1:23:45", "één uur drieëntwintig minuten vijfenveertig seconden"]
  ])

  golden("nl", "telefoon en codes", [
    ["020 123 4567", "nul twee nul, één twee drie, vier vijf zes zeven"],
    ["06 12345678", "nul zes, één twee drie vier, vijf zes zeven acht"],
    ["+31 6 12345678", "plus drie één, zes, één twee drie vier, vijf zes zeven acht"],
    ["Bel 112.", "Bel één één twee."],
    ["code 1234", "code één twee drie vier"],
    ["007", "nul nul zeven"],
    ["192.168.0.1", "één negen twee punt één zes acht punt nul punt één"],
    ["A7", "A zeven"],
    ["COVID-19", "COVID-negentien"]
  ])

  golden("nl", "breuken", [
    ["1/2", "een half"],
    ["3/4 liter", "drie kwart liter"],
    ["2½", "tweeënhalf"],
    ["1½", "anderhalf"],
    ["2/3", "twee derde"],
    ["3:1", "drie tegen één"],
    ["2+2=4", "twee plus twee is gelijk aan vier"],
    ["10³", "tien tot de derde"],
    ["3 x 4 m", "drie bij vier meter"]
  ])

  golden("nl", "sentences", [
    ["Het is 15:45 uur.", "Het is vijftien uur vijfenveertig."],
    [
      "Het kost € 1.299,99, 12,50 euro, € 99,-, €5,50",
      "Het kost twaalfhonderdnegenennegentig euro en negenennegentig cent, twaalf euro en vijftig cent, negenennegentig euro, vijf euro en vijftig cent"
    ],
    [
      "Op 03-10-2026 om 9:05, op 5/11, op 1 mei",
      "Op drie oktober tweeduizend zesentwintig om negen uur vijf, op vijf november, op één mei"
    ],
    [
      "van 9 tot 17 uur, 9:00-17:00 uur, ma-vr 9-17",
      "van negen tot zeventien uur, negen uur tot zeventien uur, ma-vr negen tot zeventien"
    ],
    [
      "149,6 miljoen km, 2 miljoen euro, 500 duizend, € 1,5 mld.",
      "honderdnegenenveertig komma zes miljoen kilometer, twee miljoen euro, vijfhonderdduizend, één komma vijf miljard euro"
    ],
    [
      "3-2, 16:9, 10/10, 120/80, 8,5",
      "drie tegen twee, zestien tegen negen, tien op tien, honderdtwintig op tachtig, acht komma vijf"
    ],
    [
      "+31 20 123 4567, 0800-1234, 088 123 45 67",
      "plus drie één, twee nul, één twee drie, vier vijf zes zeven, nul acht nul nul, één twee drie vier, nul acht acht, één twee drie, vier vijf, zes zeven"
    ],
    [
      "100.000, 1.500, € 1500, 100 000, 1500 mensen",
      "honderdduizend, vijftienhonderd, vijftienhonderd euro, honderdduizend, vijftienhonderd mensen"
    ],
    ["1e, 2de, 3e verdieping, de 20ste eeuw", "eerste, tweede, derde verdieping, de twintigste eeuw"],
    ["24/7, 24 u, 2 uur 30, 30 min", "vierentwintig zeven, vierentwintig uur, twee uur dertig, dertig minuten"],
    [
      "€ 5/maand, 90 km/u, 120 km/h",
      "vijf euro per maand, negentig kilometer per uur, honderdtwintig kilometer per uur"
    ],
    ["-10 °C, 37,2°C", "min tien graden Celsius, zevenendertig komma twee graden Celsius"],
    ["1/2 l, 3/4, 2½ uur, 1½ uur", "een half liter, drie kwart, tweeënhalf uur, anderhalf uur"],
    [
      "in 1945, 2024-2025, de jaren '80, jaren 90",
      "in negentienvijfenveertig, tweeduizend vierentwintig tot tweeduizend vijfentwintig, de jaren tachtig, jaren negentig"
    ],
    ["1 jaar, 1 persoon, 21 mensen", "één jaar, één persoon, eenentwintig mensen"]
  ])
})
