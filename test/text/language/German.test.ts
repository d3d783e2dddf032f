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

  golden("de", "sentences", [
    ["Drücken Sie die 1.", "Drücken Sie die eins."],
    [
      "Es ist 15:45, also 3:45 Uhr nachmittags.",
      "Es ist fünfzehn Uhr fünfundvierzig, also drei Uhr fünfundvierzig nachmittags."
    ],
    [
      "Der Preis beträgt 1.299,99 € inkl. 19 % MwSt.",
      "Der Preis beträgt eintausendzweihundertneunundneunzig Euro und neunundneunzig Cent inkl. neunzehn Prozent MwSt."
    ],
    ["Am 03.10.2026 um 9:05 Uhr.", "Am dritten Oktober zweitausendsechsundzwanzig um neun Uhr fünf."],
    ["Er lief 100 m in 9,58 s.", "Er lief einhundert Meter in neun Komma fünf acht Sekunden."],
    [
      "Mo-Fr 9-17 Uhr, 9:00-17:00 Uhr, von 9 bis 17 Uhr",
      "Mo-Fr neun bis siebzehn Uhr, neun Uhr bis siebzehn Uhr, von neun bis siebzehn Uhr"
    ],
    ["Nimm 2-3 EL Mehl und 1/2 l Milch.", "Nimm zwei bis drei Esslöffel Mehl und ein halb Liter Milch."],
    ["Sie haben 1 neue Nachricht und 21 alte.", "Sie haben eine neue Nachricht und einundzwanzig alte."],
    ["149,6 Mio. km", "einhundertneunundvierzig Komma sechs Millionen Kilometer"],
    ["Das Verhältnis ist 16:9, der Stand 3:2.", "Das Verhältnis ist sechzehn zu neun, der Stand drei zu zwei."],
    ["Zimmer 5B, 12 C", "Zimmer fünf B, zwölf C"],
    ["Die 3. Etage, im 3. Stock, auf der 3. Etage", "Die dritte Etage, im dritten Stock, auf der dritten Etage"],
    [
      "Am 1.1., zum 31.12.2025, bis 15. März, Ende 2025, Mitte der 80er",
      "Am ersten Januar, zum einunddreißigsten Dezember zweitausendfünfundzwanzig, bis fünfzehnten März, Ende zweitausendfünfundzwanzig, Mitte der achtziger"
    ],
    [
      "ab 1. Januar, der 1. FC Köln, Platz 3, 2. Bundesliga",
      "ab ersten Januar, der erste FC Köln, Platz drei, zweite Bundesliga"
    ],
    [
      "20-30 Personen, 20 bis 30, 100 000 Einwohner, 100.000",
      "zwanzig bis dreißig Personen, zwanzig bis dreißig, einhunderttausend Einwohner, einhunderttausend"
    ],
    [
      "3,5 Stunden, 2,5-mal, 3mal, 2x täglich, 5-köpfig",
      "drei Komma fünf Stunden, zwei Komma fünf-mal, dreimal, zwei mal täglich, fünf-köpfig"
    ],
    [
      "1.000 €, 1000 €, 10.000,00 Euro, € 99,-, 99,95 EUR, 1.234.567,89 €",
      "eintausend Euro, eintausend Euro, zehntausend Euro, neunundneunzig Euro, neunundneunzig Euro und fünfundneunzig Cent, eine Million zweihundertvierunddreißigtausendfünfhundertsiebenundsechzig Euro und neunundachtzig Cent"
    ],
    [
      "25 Cent, 5 ct, 1 Mio Euro, 2,3 Mrd. €, 500 Tsd. €",
      "fünfundzwanzig Cent, fünf Cent, eine Million Euro, zwei Komma drei Milliarden Euro, fünfhunderttausend Euro"
    ],
    [
      "5€/Monat, 30 ct/kWh, 120 km/h, 8 l/100km",
      "fünf Euro pro Monat, dreißig Cent pro Kilowattstunde, einhundertzwanzig Kilometer pro Stunde, acht Liter pro einhundert Kilometer"
    ],
    [
      "Tel.: 0761 / 123 45-67, 0049 30 1234, 089-12345678, +49 (89) 123456-0, 0800 1234567",
      "Tel.: null sieben sechs eins, eins zwei drei, vier fünf, sechs sieben, null null vier neun, drei null, eins zwei drei vier, null acht neun, eins zwei drei vier, fünf sechs sieben acht, plus vier neun, acht neun, eins zwei drei, vier fünf sechs, null, null acht null null, eins zwei drei, vier fünf sechs sieben"
    ],
    [
      "+5 °C, -10 bis -5 Grad, 37,5°C, 0 °C",
      "plus fünf Grad Celsius, minus zehn bis minus fünf Grad, siebenunddreißig Komma fünf Grad Celsius, null Grad Celsius"
    ],
    [
      "1990, 1995-1999, 1990/91, im Jahr 476, 800 n. Chr.",
      "neunzehnhundertneunzig, neunzehnhundertfünfundneunzig bis neunzehnhundertneunundneunzig, neunzehnhundertneunzig einundneunzig, im Jahr vierhundertsechsundsiebzig, achthundert n. Chr."
    ],
    [
      "12. Mai, 12. 5. 2026, 12.5., 12. Mai 26",
      "zwölfter Mai, zwölfter Mai zweitausendsechsundzwanzig, zwölfter Mai, zwölfter Mai sechsundzwanzig"
    ],
    ["das 1., 2. und 3. Kapitel", "das erste, zweite und dritte Kapitel"],
    [
      "10^6, 2³, 5·10^3, 3-2=1",
      "zehn hoch sechs, zwei hoch drei, fünf mal zehn hoch drei, drei minus zwei gleich eins"
    ],
    [
      "Bestellnummer 4711, PLZ 80331 München, IBAN DE12 5001 0517 0648 4898 90",
      "Bestellnummer vier sieben eins eins, PLZ acht null drei drei eins München, IBAN DE zwölf fünf null null eins, null fünf eins sieben, null sechs vier acht, vier acht neun acht, neun null"
    ],
    [
      "um 8, um 8.30, gegen 17.15 Uhr, 8h, 8.30h, 24 h, 24/7",
      "um acht, um acht Uhr dreißig, gegen siebzehn Uhr fünfzehn, acht Stunden, acht Uhr dreißig, vierundzwanzig Stunden, vierundzwanzig sieben"
    ],
    [
      "1 Stunde, 1 Euro, 1 Minute, 1 Jahr, 1 Person, 1 Mal, 101 Dalmatiner",
      "eine Stunde, ein Euro, eine Minute, ein Jahr, eine Person, ein Mal, einhunderteins Dalmatiner"
    ],
    [
      "Version 2.0, v1.2, 192.168.178.1, 3.14, A8, B2B, 4K, 5G, Q3",
      "Version zwei Komma null, v eins Punkt zwei, eins neun zwei Punkt eins sechs acht Punkt eins sieben acht Punkt eins, drei Komma eins vier, A acht, B zwei B, vier K, fünf G, Q drei"
    ],
    [
      "0,5 %, 0,001, 100%, 50:50, 1:0",
      "null Komma fünf Prozent, null Komma null null eins, einhundert Prozent, fünfzig zu fünfzig, eins zu null"
    ],
    ["Das kostet 5 Euro 50.", "Das kostet fünf Euro fünfzig."],
    ["2 000 000; 2 000; 20 000 Menschen", "zwei Millionen; zweitausend; zwanzigtausend Menschen"]
  ])

  golden("de-AT", "Österreich", [
    ["am 3.1.2026", "am dritten Jänner zweitausendsechsundzwanzig"],
    ["3. Jänner 2026", "dritter Jänner zweitausendsechsundzwanzig"]
  ])
})
