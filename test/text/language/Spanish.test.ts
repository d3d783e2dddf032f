import { describe } from "@effect/vitest"
import { golden } from "./GoldenTable.ts"

describe("numbers in Spanish", () => {
  golden("es", "números", [
    ["1.234.567 habitantes", "un millón doscientos treinta y cuatro mil quinientos sesenta y siete habitantes"],
    ["1 234 567", "un millón doscientos treinta y cuatro mil quinientos sesenta y siete"],
    ["0", "cero"],
    ["1", "uno"],
    ["16", "dieciséis"],
    ["21", "veintiuno"],
    ["21 euros", "veintiún euros"],
    ["21 libras", "veintiuna libras"],
    ["1 libra", "una libra"],
    ["1 casa", "una casa"],
    ["1 día", "un día"],
    ["31 personas", "treinta y una personas"],
    ["22", "veintidós"],
    ["100 y 101", "cien y ciento uno"],
    ["200 personas", "doscientas personas"],
    ["200 días", "doscientos días"],
    ["500 casas", "quinientas casas"],
    ["1000", "mil"],
    ["1001", "mil uno"],
    ["21.000", "veintiún mil"],
    ["1.000.000", "un millón"],
    ["1.000.000.000", "mil millones"],
    ["3,14", "tres coma catorce"],
    ["0,05", "cero coma cero cinco"],
    ["-5", "menos cinco"],
    ["1,5 millones", "uno coma cinco millones"],
    ["2 millones de personas", "dos millones de personas"],
    ["en 1999", "en mil novecientos noventa y nueve"],
    ["en 2026", "en dos mil veintiséis"],
    ["los años 90", "los años noventa"],
    ["1914–1918", "mil novecientos catorce a mil novecientos dieciocho"],
    ["3-5 días", "tres a cinco días"]
  ])

  golden("es", "ordinales", [
    ["el 1.º", "el primero"],
    ["el 1º", "el primero"],
    ["la 1ª vez", "la primera vez"],
    ["el 1.er piso", "el primer piso"],
    ["el 3er lugar", "el tercer lugar"],
    ["la 2.ª edición", "la segunda edición"],
    ["el 21º", "el vigésimo primero"],
    ["el 10º", "el décimo"],
    ["la 100ª", "la centésima"]
  ])

  golden("es", "dinero", [
    ["1.234,56 €", "mil doscientos treinta y cuatro euros con cincuenta y seis céntimos"],
    ["5 millones €", "cinco millones de euros"],
    ["5 M€", "cinco millones de euros"],
    ["2.000.000 €", "dos millones de euros"],
    ["1 €", "un euro"],
    ["1,50 €", "un euro con cincuenta céntimos"],
    ["0,99 €", "noventa y nueve céntimos"],
    ["3–5 €", "tres a cinco euros"],
    ["21 £", "veintiuna libras"],
    ["$5", "cinco dólares"],
    ["200 £", "doscientas libras"],
    ["1 £", "una libra"],
    ["1,5 millones €", "uno coma cinco millones de euros"],
    ["2 €/kg", "dos euros por kilogramo"],
    ["CHF 5.-", "cinco francos suizos"]
  ])

  golden("es", "medidas", [
    ["5 %", "cinco por ciento"],
    ["5%", "cinco por ciento"],
    ["1 %", "uno por ciento"],
    ["10-15 %", "diez a quince por ciento"],
    ["20 °C", "veinte grados Celsius"],
    ["-5 °C", "menos cinco grados Celsius"],
    ["5 km", "cinco kilómetros"],
    ["1 km", "un kilómetro"],
    ["21 km", "veintiún kilómetros"],
    ["21 t", "veintiuna toneladas"],
    ["1,5 km", "uno coma cinco kilómetros"],
    ["100 km/h", "cien kilómetros por hora"],
    ["20 m²", "veinte metros cuadrados"],
    ["5 kWh", "cinco kilovatios hora"],
    ["16 GB", "dieciséis gigabytes"]
  ])

  golden("es", "fechas y horas", [
    ["2026-11-29", "veintinueve de noviembre de dos mil veintiséis"],
    ["29/11/2026", "veintinueve de noviembre de dos mil veintiséis"],
    ["3 de octubre de 2026", "tres de octubre de dos mil veintiséis"],
    ["1 de mayo", "uno de mayo"],
    ["del 3 al 5 de octubre", "del tres al cinco de octubre"],
    ["a las 17:30", "a las diecisiete treinta"],
    ["a las 17:00", "a las diecisiete horas"],
    ["a las 1:15", "a las una quince"],
    ["a las 21:00", "a las veintiuna horas"],
    ["5:30 p. m.", "cinco treinta de la tarde"],
    ["9 a.m.", "nueve de la mañana"],
    ["17:30 h", "diecisiete treinta"],
    ["17h", "diecisiete horas"],
    ["1:23:45", "una hora veintitrés minutos cuarenta y cinco segundos"]
  ])

  golden("es", "teléfonos y códigos", [
    ["912 345 678", "nueve uno dos, tres cuatro cinco, seis siete ocho"],
    ["600 12 34 56", "seis cero cero, uno dos, tres cuatro, cinco seis"],
    ["+34 912 345 678", "más tres cuatro, nueve uno dos, tres cuatro cinco, seis siete ocho"],
    ["Llame al 112.", "Llame al uno uno dos."],
    ["código 1234", "código uno dos tres cuatro"],
    ["007", "cero cero siete"],
    ["192.168.0.1", "uno nueve dos punto uno seis ocho punto cero punto uno"],
    ["A7", "A siete"],
    ["COVID-19", "COVID-diecinueve"]
  ])

  golden("es", "fracciones", [
    ["1/2", "un medio"],
    ["3/4 de litro", "tres cuartos de litro"],
    ["2½", "dos y medio"],
    ["2/3", "dos tercios"],
    ["5/12", "cinco doceavos"],
    ["3:1", "tres a uno"],
    ["2+2=4", "dos más dos igual a cuatro"],
    ["10³", "diez al cubo"],
    ["3 x 4 m", "tres por cuatro metros"]
  ])

  golden("es", "sentences", [
    ["Pulse 1 para ventas.", "Pulse uno para ventas."],
    ["Son las 15:45 h.", "Son las quince cuarenta y cinco."],
    [
      "Cuesta 1.299,99 €, 12,50 euros, 3,50 dólares.",
      "Cuesta mil doscientos noventa y nueve euros con noventa y nueve céntimos, doce euros con cincuenta céntimos, tres dólares con cincuenta centavos."
    ],
    ["El 03/10/2026 a las 9:05.", "El tres de octubre de dos mil veintiséis a las nueve cero cinco."],
    ["100 m en 9,58 s.", "cien metros en nueve coma cincuenta y ocho segundos."],
    ["de 9 a 17 h, 9:00-17:00", "de nueve a diecisiete horas, nueve horas a diecisiete horas"],
    ["2-3 cucharadas, 1/2 l de leche", "dos a tres cucharadas, un medio litro de leche"],
    ["149,6 millones de km", "ciento cuarenta y nueve coma seis millones de kilómetros"],
    ["3-2, 16:9", "tres a dos, dieciséis a nueve"],
    [
      "1 de enero de 2026, 31 de diciembre, 5 de mayo",
      "uno de enero de dos mil veintiséis, treinta y uno de diciembre, cinco de mayo"
    ],
    ["0,5 %, 100 %", "cero coma cinco por ciento, cien por ciento"],
    [
      "+34 600 123 456, 91 123 45 67, 900 123 456, 112",
      "más tres cuatro, seis cero cero, uno dos tres, cuatro cinco seis, nueve uno, uno dos tres, cuatro cinco, seis siete, nueve cero cero, uno dos tres, cuatro cinco seis, ciento doce"
    ],
    [
      "100 000, 1 500, 12.000 €, 1500 €, 1 millón de euros",
      "cien mil, mil quinientos, doce mil euros, mil quinientos euros, un millón de euros"
    ],
    ["1.ª, 2.º, 3.er, 1ra, 2da, 5to", "primera, segundo, tercero, primera, segunda, quinto"],
    ["v2.0, 192.168.1.1", "v dos punto cero, uno nueve dos punto uno seis ocho punto uno punto uno"],
    ["24/7, 24 h, 2 h 30 min", "veinticuatro siete, veinticuatro horas, dos horas treinta minutos"],
    ["5 €/mes, 90 km/h", "cinco euros por mes, noventa kilómetros por hora"],
    ["los años 1990", "los años mil novecientos noventa"],
    ["-10 °C, 37,2°C", "menos diez grados Celsius, treinta y siete coma dos grados Celsius"],
    ["a las 8, a la 1, a la 1:00", "a las ocho, a la una, a la una"],
    ["2 000 000 de personas, 500 mil", "dos millones de personas, quinientos mil"],
    ["8:30 a. m., 12:00 p.m.", "ocho treinta de la mañana, doce de la tarde"]
  ])

  golden("es-MX", "México", [
    ["1,234.56", "mil doscientos treinta y cuatro punto cincuenta y seis"],
    ["$1,234.50", "mil doscientos treinta y cuatro pesos con cincuenta centavos"],
    ["1 de mayo", "primero de mayo"],
    ["3.14", "tres punto catorce"],
    ["US$5", "cinco dólares estadounidenses"]
  ])

  golden("es-AR", "Argentina", [
    ["$1.234,50", "mil doscientos treinta y cuatro pesos con cincuenta centavos"],
    ["3,14", "tres coma catorce"]
  ])
})
