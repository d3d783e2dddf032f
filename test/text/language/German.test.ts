import { describe } from "@effect/vitest"
import { golden } from "./GoldenTable.ts"

describe("numbers in German", () => {
  golden("de", "Grundzahlen und Dezimalzahlen", [
    [
      "Ich habe 1.234.567 Gründe.",
      "Ich habe eine Million zweihundertvierunddreißigtausendfünfhundertsiebenundsechzig Gründe."
    ],
    ["1'234 und 12.345", "eintausendzweihundertvierunddreißig und zwölftausenddreihundertfünfundvierzig"],
    ["1 234 567", "eine Million zweihundertvierunddreißigtausendfünfhundertsiebenundsechzig"],
    ["0 Punkte", "null Punkte"],
    ["1", "eins"],
    ["21", "einundzwanzig"],
    ["100 und 101", "einhundert und einhunderteins"],
    ["1.000.001", "eine Million eins"],
    ["1.000.000.000", "eine Milliarde"],
    ["3,14", "drei Komma eins vier"],
    ["0,05 Prozent", "null Komma null fünf Prozent"],
    ["-5", "minus fünf"],
    ["−3,5", "minus drei Komma fünf"],
    ["1 Tag", "ein Tag"],
    ["1 Woche", "eine Woche"],
    ["1 Million", "eine Million"],
    ["2 Millionen Menschen", "zwei Millionen Menschen"],
    ["1,5 Millionen", "eins Komma fünf Millionen"],
    ["3 Mrd.", "drei Milliarden"],
    ["21 Kinder", "einundzwanzig Kinder"],
    ["2fach", "zweifach"],
    ["100-jährig", "einhundert-jährig"]
  ])

  golden("de", "Jahre und Jahrzehnte", [
    ["im Jahr 1999", "im Jahr neunzehnhundertneunundneunzig"],
    ["2026", "zweitausendsechsundzwanzig"],
    ["seit 1815", "seit achtzehnhundertfünfzehn"],
    ["1905 war das", "neunzehnhundertfünf war das"],
    ["1500 Leute", "eintausendfünfhundert Leute"],
    ["1234 Euro", "eintausendzweihundertvierunddreißig Euro"],
    ["die 1990er Jahre", "die neunzehnhundertneunziger Jahre"],
    ["die 90er", "die neunziger"],
    ["die 80er-Jahre", "die achtziger-Jahre"],
    ["1914–1918", "neunzehnhundertvierzehn bis neunzehnhundertachtzehn"],
    ["2024/25", "zweitausendvierundzwanzig fünfundzwanzig"],
    ["Oktober 1999", "Oktober neunzehnhundertneunundneunzig"]
  ])

  golden("de", "Ordnungszahlen", [
    ["der 1. Platz", "der erste Platz"],
    ["1. Platz", "erster Platz"],
    ["im 2. Weltkrieg", "im zweiten Weltkrieg"],
    ["die 2. Liga", "die zweite Liga"],
    ["in der 2. Liga", "in der zweiten Liga"],
    ["2. Liga", "zweite Liga"],
    ["am 21. Tag", "am einundzwanzigsten Tag"],
    ["das 3. Mal", "das dritte Mal"],
    ["2. Kapitel", "zweites Kapitel"],
    ["der 101. Besucher", "der einhunderterste Besucher"],
    ["im 19. Jahrhundert", "im neunzehnten Jahrhundert"],
    ["zum 8. Mal", "zum achten Mal"],
    ["am 7. Tag", "am siebten Tag"],
    ["Das sind 5.", "Das sind fünf."]
  ])

  golden("de", "Geld", [
    ["1.234,56 €", "eintausendzweihundertvierunddreißig Euro und sechsundfünfzig Cent"],
    ["€1.234,56", "eintausendzweihundertvierunddreißig Euro und sechsundfünfzig Cent"],
    ["5 Mio. €", "fünf Millionen Euro"],
    ["1,5 Mrd. Euro", "eins Komma fünf Milliarden Euro"],
    ["€5 Millionen", "fünf Millionen Euro"],
    ["0,50 €", "fünfzig Cent"],
    ["1 €", "ein Euro"],
    ["1,01 €", "ein Euro und ein Cent"],
    ["5,- €", "fünf Euro"],
    ["5,– Euro", "fünf Euro"],
    ["CHF 5.-", "fünf Franken"],
    ["5 EUR", "fünf Euro"],
    ["10 $", "zehn Dollar"],
    ["3–5 €", "drei bis fünf Euro"],
    ["5-10 Euro", "fünf bis zehn Euro"],
    ["12,5 Mio. Euro", "zwölf Komma fünf Millionen Euro"],
    ["20 £", "zwanzig Pfund"],
    ["100 kr", "einhundert Kronen"],
    ["-5 €", "minus fünf Euro"],
    ["2 €/kg", "zwei Euro pro Kilogramm"],
    ["1'234.50 CHF", "eintausendzweihundertvierunddreißig Franken und fünfzig Rappen"]
  ])

  golden("de", "Maße", [
    ["20 %", "zwanzig Prozent"],
    ["5%", "fünf Prozent"],
    ["1 %", "ein Prozent"],
    ["10-15 %", "zehn bis fünfzehn Prozent"],
    ["2,5 ‰", "zwei Komma fünf Promille"],
    ["5 °C", "fünf Grad Celsius"],
    ["-5 °C", "minus fünf Grad Celsius"],
    ["20°", "zwanzig Grad"],
    ["100 km/h", "einhundert Kilometer pro Stunde"],
    ["5 km", "fünf Kilometer"],
    ["1 km", "ein Kilometer"],
    ["1,5 km", "eins Komma fünf Kilometer"],
    ["3 h", "drei Stunden"],
    ["1 h", "eine Stunde"],
    ["2 t", "zwei Tonnen"],
    ["20 m²", "zwanzig Quadratmeter"],
    ["5 kWh", "fünf Kilowattstunden"],
    ["500 g", "fünfhundert Gramm"],
    ["10 GB", "zehn Gigabyte"],
    ["5 l/100 km", "fünf Liter pro einhundert Kilometer"],
    ["3–5 Tage", "drei bis fünf Tage"],
    ["50 Mbit/s", "fünfzig Megabit pro Sekunde"],
    ["5 µg", "fünf Mikrogramm"]
  ])

  golden("de", "Datum", [
    ["2026-11-29", "neunundzwanzigster November zweitausendsechsundzwanzig"],
    ["29.11.2026", "neunundzwanzigster November zweitausendsechsundzwanzig"],
    ["3. Oktober 2026", "dritter Oktober zweitausendsechsundzwanzig"],
    ["am 3. Oktober", "am dritten Oktober"],
    ["der 3. Oktober", "der dritte Oktober"],
    ["vom 3. bis 5. Oktober", "vom dritten bis fünften Oktober"],
    ["3.–5. Oktober", "dritter bis fünfter Oktober"],
    ["am 29.11.", "am neunundzwanzigsten November"],
    ["01.05.26", "erster Mai zweitausendsechsundzwanzig"],
    ["am 1. Mai", "am ersten Mai"],
    ["den 1. Mai 2026", "den ersten Mai zweitausendsechsundzwanzig"]
  ])

  golden("de", "Uhrzeit", [
    ["17:30", "siebzehn Uhr dreißig"],
    ["17.30 Uhr", "siebzehn Uhr dreißig"],
    ["17:00 Uhr", "siebzehn Uhr"],
    ["1 Uhr", "ein Uhr"],
    ["8:05 Uhr", "acht Uhr fünf"],
    ["um 17.30", "um siebzehn Uhr dreißig"],
    ["0:15 Uhr", "null Uhr fünfzehn"],
    ["9–17 Uhr", "neun bis siebzehn Uhr"],
    ["um 1.30 Uhr", "um ein Uhr dreißig"],
    ["1:23:45", "eine Stunde dreiundzwanzig Minuten fünfundvierzig Sekunden"],
    ["10:00–12:30 Uhr", "zehn Uhr bis zwölf Uhr dreißig"],
    ["17:30 h", "siebzehn Uhr dreißig"]
  ])

  golden("de", "Telefon und Codes", [
    ["030 1234567", "null drei null, eins zwei drei, vier fünf sechs sieben"],
    ["+49 30 123456", "plus vier neun, drei null, eins zwei drei, vier fünf sechs"],
    ["+49 (0)30 123456", "plus vier neun, drei null, eins zwei drei, vier fünf sechs"],
    ["0171/1234567", "null eins sieben eins, eins zwei drei, vier fünf sechs sieben"],
    ["(030) 123 456", "null drei null, eins zwei drei, vier fünf sechs"],
    ["Kontonummer 12345678", "Kontonummer eins zwei drei vier, fünf sechs sieben acht"],
    ["PIN 1234", "PIN eins zwei drei vier"],
    ["007", "null null sieben"],
    ["Ruf 112 an.", "Ruf eins eins zwei an."],
    ["Wählen Sie 110.", "Wählen Sie eins eins null."],
    ["192.168.0.1", "eins neun zwei Punkt eins sechs acht Punkt null Punkt eins"],
    ["Version 1.2.3", "Version eins Punkt zwei Punkt drei"],
    ["A7", "A sieben"],
    ["5G", "fünf G"],
    ["COVID-19", "COVID-neunzehn"],
    ["PLZ 10115", "PLZ eins null eins eins fünf"],
    [
      "DE89 3704 0044 0532 0130 00",
      "DE neunundachtzig drei sieben null vier, null null vier vier, null fünf drei zwei, null eins drei null, null null"
    ]
  ])

  golden("de", "Brüche und Mathematik", [
    ["1/2", "ein halb"],
    ["3/4 Liter", "drei Viertel Liter"],
    ["½", "ein halb"],
    ["2½ Stunden", "zweieinhalb Stunden"],
    ["1½", "eineinhalb"],
    ["2/3", "zwei Drittel"],
    ["24/7", "vierundzwanzig sieben"],
    ["3:1", "drei zu eins"],
    ["3 x 4 m", "drei mal vier Meter"],
    ["1920x1080", "eintausendneunhundertzwanzig mal eintausendachtzig"],
    ["2+2=4", "zwei plus zwei gleich vier"],
    ["10 - 3 = 7", "zehn minus drei gleich sieben"],
    ["5^2", "fünf hoch zwei"],
    ["10³", "zehn hoch drei"],
    ["2·3", "zwei mal drei"]
  ])

  golden("de-AT", "Österreich", [
    ["am 3.1.2026", "am dritten Jänner zweitausendsechsundzwanzig"],
    ["3. Jänner 2026", "dritter Jänner zweitausendsechsundzwanzig"]
  ])
})
