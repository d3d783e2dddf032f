import { describe } from "@effect/vitest"
import { golden } from "./GoldenTable.ts"

describe("numbers in Italian", () => {
  golden("it", "numeri", [
    ["1.234.567 abitanti", "un milione duecentotrentaquattromilacinquecentosessantasette abitanti"],
    ["0", "zero"],
    ["1", "uno"],
    ["1 giorno", "un giorno"],
    ["1 ora", "un' ora"],
    ["1 settimana", "una settimana"],
    ["21", "ventuno"],
    ["21 giorni", "ventuno giorni"],
    ["23", "ventitré"],
    ["28", "ventotto"],
    ["31", "trentuno"],
    ["100 e 101", "cento e centouno"],
    ["108", "centotto"],
    ["200", "duecento"],
    ["1000", "mille"],
    ["1001", "milleuno"],
    ["2026", "duemilaventisei"],
    ["21.000", "ventunomila"],
    ["1.000.000", "un milione"],
    ["2.000.001", "due milioni uno"],
    ["1.000.000.000", "un miliardo"],
    ["3,14", "tre virgola quattordici"],
    ["0,05", "zero virgola zero cinque"],
    ["-5", "meno cinque"],
    ["1,5 milioni", "uno virgola cinque milioni"],
    ["2 milioni di persone", "due milioni di persone"],
    ["nel 1999", "nel millenovecentonovantanove"],
    ["gli anni '90", "gli anni novanta"],
    ["gli anni 80", "gli anni ottanta"],
    ["1914–1918", "millenovecentoquattordici a millenovecentodiciotto"],
    ["3-5 giorni", "tre a cinque giorni"]
  ])

  golden("it", "ordinali", [
    ["il 1º maggio", "il primo maggio"],
    ["il 1° maggio", "il primo maggio"],
    ["la 1ª volta", "la prima volta"],
    ["il 2º posto", "il secondo posto"],
    ["il 3° piano", "il terzo piano"],
    ["la 21ª edizione", "la ventunesima edizione"],
    ["il 23º", "il ventitreesimo"],
    ["il 100º", "il centesimo"]
  ])

  golden("it", "denaro", [
    ["1.234,56 €", "milleduecentotrentaquattro euro e cinquantasei centesimi"],
    ["€ 1.234,56", "milleduecentotrentaquattro euro e cinquantasei centesimi"],
    ["5 milioni €", "cinque milioni di euro"],
    ["€5 mln", "cinque milioni di euro"],
    ["2.000.000 €", "due milioni di euro"],
    ["1 €", "un euro"],
    ["1,50 €", "un euro e cinquanta centesimi"],
    ["0,99 €", "novantanove centesimi"],
    ["3–5 €", "tre a cinque euro"],
    ["21 £", "ventuno sterline"],
    ["1 £", "una sterlina"],
    ["$5", "cinque dollari"],
    ["2 €/kg", "due euro al chilogrammo"],
    ["CHF 5.-", "cinque franchi svizzeri"],
    ["1,5 miliardi di euro", "uno virgola cinque miliardi di euro"]
  ])

  golden("it", "misure", [
    ["5 %", "cinque per cento"],
    ["5%", "cinque per cento"],
    ["1%", "uno per cento"],
    ["10-15 %", "dieci a quindici per cento"],
    ["20 °C", "venti gradi Celsius"],
    ["20°", "venti gradi"],
    ["-5 °C", "meno cinque gradi Celsius"],
    ["5 km", "cinque chilometri"],
    ["1 km", "un chilometro"],
    ["1 h", "un'ora"],
    ["1,5 km", "uno virgola cinque chilometri"],
    ["100 km/h", "cento chilometri all'ora"],
    ["2 t", "due tonnellate"],
    ["20 m²", "venti metri quadrati"],
    ["5 kWh", "cinque chilowattora"],
    ["16 GB", "sedici gigabyte"]
  ])

  golden("it", "date e ore", [
    ["2026-11-29", "ventinove novembre duemilaventisei"],
    ["29/11/2026", "ventinove novembre duemilaventisei"],
    ["3 ottobre 2026", "tre ottobre duemilaventisei"],
    ["1 maggio", "primo maggio"],
    ["dal 3 al 5 ottobre", "dal tre al cinque ottobre"],
    ["alle 17:30", "alle diciassette e trenta"],
    ["alle 17.30", "alle diciassette e trenta"],
    ["alle 17:00", "alle diciassette"],
    ["dalle 9:00 alle 17:00", "dalle nove alle diciassette"],
    ["ore 21:05", "ore ventuno e cinque"],
    ["1:23:45", "un'ora ventitré minuti quarantacinque secondi"]
  ])

  golden("it", "telefoni e codici", [
    ["02 1234 5678", "zero due, uno due tre quattro, cinque sei sette otto"],
    ["333 123 4567", "tre tre tre, uno due tre, quattro cinque sei sette"],
    ["+39 02 12345678", "più tre nove, zero due, uno due tre quattro, cinque sei sette otto"],
    ["Chiamate il 112.", "Chiamate il uno uno due."],
    ["codice 1234", "codice uno due tre quattro"],
    ["007", "zero zero sette"],
    ["192.168.0.1", "uno nove due punto uno sei otto punto zero punto uno"],
    ["A7", "A sette"],
    ["COVID-19", "COVID-diciannove"]
  ])

  golden("it", "frazioni", [
    ["1/2", "un mezzo"],
    ["3/4 di litro", "tre quarti di litro"],
    ["2½", "due e mezzo"],
    ["2/3", "due terzi"],
    ["3:1", "tre a uno"],
    ["2+2=4", "due più due uguale quattro"],
    ["10³", "dieci al cubo"],
    ["3 x 4 m", "tre per quattro metri"]
  ])

  golden("it", "sentences", [
    ["Sono le 15:45.", "Sono le quindici e quarantacinque."],
    [
      "Costa 1.299,99 €, 12,50 euro, 3,50 dollari, € 99,00",
      "Costa milleduecentonovantanove euro e novantanove centesimi, dodici euro e cinquanta centesimi, tre dollari e cinquanta centesimi, novantanove euro"
    ],
    [
      "Il 03/10/2026 alle 9:05, il 5/11, dal 1/5",
      "Il tre ottobre duemilaventisei alle nove e cinque, il cinque novembre, dal primo maggio"
    ],
    [
      "de 9 a 17, dalle 9 alle 17, 9:00-17:00",
      "de nove a diciassette, dalle nove alle diciassette, nove a diciassette"
    ],
    [
      "149,6 milioni di km, 2 milioni di euro, 500 mila, 20mila",
      "centoquarantanove virgola sei milioni di chilometri, due milioni di euro, cinquecentomila, ventimila"
    ],
    ["3-2, 16:9, 10/10, 120/80", "tre a due, sedici a nove, dieci su dieci, centoventi su ottanta"],
    ["1 gennaio 2026, 31 dicembre, 1° gennaio", "primo gennaio duemilaventisei, trentuno dicembre, primo gennaio"],
    [
      "+39 333 123 4567, 06 1234567, 800 123 456",
      "più tre nove, tre tre tre, uno due tre, quattro cinque sei sette, zero sei, uno due tre, quattro cinque sei sette, otto zero zero, uno due tre, quattro cinque sei"
    ],
    [
      "100.000, 1.500, 12.000 €, 1500 €, 100 000",
      "centomila, millecinquecento, dodicimila euro, millecinquecento euro, centomila"
    ],
    ["v2.0, 24/7, 24 h, 2 h 30 min", "v due punto zero, ventiquattro sette, ventiquattro ore, due ore trenta minuti"],
    ["5 €/mese, 90 km/h", "cinque euro al mese, novanta chilometri all'ora"],
    [
      "1 persona, 1 libro, 21 persone, 1 amico, 1 euro, 1 volta, 1 minuto, 1 notte",
      "una persona, un libro, ventuno persone, un amico, un euro, una volta, un minuto, una notte"
    ],
    ["-10 °C, 37,2°C, 30°", "meno dieci gradi Celsius, trentasette virgola due gradi Celsius, trenta gradi"]
  ])
})
