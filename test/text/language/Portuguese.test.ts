import { describe } from "@effect/vitest"
import { golden } from "./GoldenTable.ts"

describe("numbers in Portuguese", () => {
  golden("pt", "números", [
    ["1.234.567 habitantes", "um milhão duzentos e trinta e quatro mil quinhentos e sessenta e sete habitantes"],
    ["0", "zero"],
    ["1", "um"],
    ["1 dia", "um dia"],
    ["1 casa", "uma casa"],
    ["2 casas", "duas casas"],
    ["2 dias", "dois dias"],
    ["14", "quatorze"],
    ["16", "dezesseis"],
    ["17", "dezessete"],
    ["19", "dezenove"],
    ["21", "vinte e um"],
    ["21 libras", "vinte e uma libras"],
    ["21 euros", "vinte e um euros"],
    ["100 e 101", "cem e cento e um"],
    ["200 pessoas", "duzentas pessoas"],
    ["200 dias", "duzentos dias"],
    ["1000", "mil"],
    ["1001", "mil e um"],
    ["1100", "mil e cem"],
    ["1.200.000", "um milhão e duzentos mil"],
    ["2.000.001", "dois milhões e um"],
    ["1.000.000.000", "um bilhão"],
    ["3,14", "três vírgula quatorze"],
    ["0,05", "zero vírgula zero cinco"],
    ["-5", "menos cinco"],
    ["1,5 milhão", "um vírgula cinco milhão"],
    ["2 milhões de pessoas", "dois milhões de pessoas"],
    ["em 1999", "em mil novecentos e noventa e nove"],
    ["em 2026", "em dois mil e vinte e seis"],
    ["os anos 90", "os anos noventa"],
    ["1914–1918", "mil novecentos e quatorze a mil novecentos e dezoito"],
    ["3-5 dias", "três a cinco dias"]
  ])

  golden("pt", "ordinais", [
    ["o 1º", "o primeiro"],
    ["a 1ª vez", "a primeira vez"],
    ["o 2.º lugar", "o segundo lugar"],
    ["a 21ª edição", "a vigésima primeira edição"],
    ["o 10º", "o décimo"],
    ["o 100º", "o centésimo"]
  ])

  golden("pt", "dinheiro", [
    ["R$ 10,50", "dez reais e cinquenta centavos"],
    ["R$ 1.234,56", "mil duzentos e trinta e quatro reais e cinquenta e seis centavos"],
    ["1.234,56 €", "mil duzentos e trinta e quatro euros e cinquenta e seis centavos"],
    ["5 milhões €", "cinco milhões de euros"],
    ["R$ 5 mi", "cinco milhões de reais"],
    ["R$ 2,5 bilhões", "dois vírgula cinco bilhões de reais"],
    ["2.000.000 €", "dois milhões de euros"],
    ["1 €", "um euro"],
    ["R$ 1,00", "um real"],
    ["R$ 0,99", "noventa e nove centavos"],
    ["3–5 €", "três a cinco euros"],
    ["2 £", "duas libras"],
    ["1 £", "uma libra"],
    ["200 £", "duzentas libras"],
    ["$5", "cinco dólares"],
    ["2 €/kg", "dois euros por quilograma"]
  ])

  golden("pt", "medidas", [
    ["5 %", "cinco por cento"],
    ["5%", "cinco por cento"],
    ["1%", "um por cento"],
    ["10-15 %", "dez a quinze por cento"],
    ["20 °C", "vinte graus Celsius"],
    ["-5 °C", "menos cinco graus Celsius"],
    ["5 km", "cinco quilômetros"],
    ["1 km", "um quilômetro"],
    ["2 km", "dois quilômetros"],
    ["2 t", "duas toneladas"],
    ["21 t", "vinte e uma toneladas"],
    ["1,5 km", "um vírgula cinco quilômetro"],
    ["100 km/h", "cem quilômetros por hora"],
    ["20 m²", "vinte metros quadrados"],
    ["5 kWh", "cinco quilowatts-hora"],
    ["16 GB", "dezesseis gigabytes"]
  ])

  golden("pt", "datas e horas", [
    ["2026-11-29", "vinte e nove de novembro de dois mil e vinte e seis"],
    ["29/11/2026", "vinte e nove de novembro de dois mil e vinte e seis"],
    ["3 de outubro de 2026", "três de outubro de dois mil e vinte e seis"],
    ["1 de maio", "primeiro de maio"],
    ["1º de maio", "primeiro de maio"],
    ["de 3 a 5 de outubro", "de três a cinco de outubro"],
    ["às 17h30", "às dezessete e trinta"],
    ["às 17:30", "às dezessete e trinta"],
    ["às 17h", "às dezessete horas"],
    ["às 21:00", "às vinte e uma horas"],
    ["à 1h", "à uma hora"],
    ["às 2h", "às duas horas"],
    ["1:23:45", "uma hora vinte e três minutos quarenta e cinco segundos"]
  ])

  golden("pt", "telefones e códigos", [
    ["(11) 91234-5678", "um um, nove um dois três quatro, cinco seis sete oito"],
    ["91234-5678", "nove um dois três quatro, cinco seis sete oito"],
    ["+55 11 91234-5678", "mais cinco cinco, um um, nove um dois três quatro, cinco seis sete oito"],
    ["0800 123 4567", "zero oito zero zero, um dois três, quatro cinco seis sete"],
    ["Ligue para o 190.", "Ligue para o um nove zero."],
    ["código 1234", "código um dois três quatro"],
    ["007", "zero zero sete"],
    ["192.168.0.1", "um nove dois ponto um seis oito ponto zero ponto um"],
    ["A7", "A sete"],
    ["COVID-19", "COVID-dezenove"]
  ])

  golden("pt", "frações", [
    ["1/2", "um meio"],
    ["3/4 de litro", "três quartos de litro"],
    ["2½", "dois e meio"],
    ["2/3", "dois terços"],
    ["5/12", "cinco doze avos"],
    ["3:1", "três a um"],
    ["2+2=4", "dois mais dois igual a quatro"],
    ["10³", "dez ao cubo"],
    ["3 x 4 m", "três por quatro metros"]
  ])

  golden("pt", "sentences", [
    ["São 15:45, 15h45min, 9h.", "São quinze e quarenta e cinco, quinze horas quarenta e cinco minutos, nove horas."],
    [
      "Custa R$ 1.299,99, 12,50 reais, 3,50 euros, R$ 99,00, R$99",
      "Custa mil duzentos e noventa e nove reais e noventa e nove centavos, doze reais e cinquenta centavos, três euros e cinquenta centavos, noventa e nove reais, noventa e nove reais"
    ],
    [
      "03/10/2026 às 9:05, dia 5/11",
      "três de outubro de dois mil e vinte e seis às nove e cinco, dia cinco de novembro"
    ],
    [
      "das 9h às 17h, 9:00-17:00, das 9 às 17",
      "das nove horas às dezessete horas, nove horas a dezessete horas, das nove às dezessete"
    ],
    [
      "149,6 milhões de km, 2 milhões de reais, 500 mil, R$ 1,5 bi, R$ 300 mil",
      "cento e quarenta e nove vírgula seis milhões de quilômetros, dois milhões de reais, quinhentos mil, um vírgula cinco bilhão de reais, trezentos mil reais"
    ],
    ["3-2, 16:9, 10/10, 120/80", "três a dois, dezesseis a nove, dez de dez, cento e vinte por oitenta"],
    [
      "1º de janeiro de 2026, 31 de dezembro",
      "primeiro de janeiro de dois mil e vinte e seis, trinta e um de dezembro"
    ],
    [
      "(21) 2345-6789, +55 (11) 98765-4321, 0800-123-4567",
      "dois um, dois três quatro cinco, seis sete oito nove, mais cinco cinco, um um, nove oito sete seis cinco, quatro três dois um, zero oito zero zero, um dois três, quatro cinco seis sete"
    ],
    ["100.000, 1.500, R$ 1500, 100 000", "cem mil, mil e quinhentos, mil e quinhentos reais, cem mil"],
    ["1ª, 2º, 3º andar, 1o, 2a", "primeira, segundo, terceiro andar, primeiro, segunda"],
    ["24/7, 24h, 2h30, 30 min", "vinte e quatro sete, vinte e quatro horas, duas e trinta, trinta minutos"],
    ["R$ 5/mês, 90 km/h", "cinco reais por mês, noventa quilômetros por hora"],
    [
      "1 pessoa, 1 livro, 2 pessoas, 2 livros, 22 horas, 1 hora, 2 minutos, 102 casas, 2 mil pessoas",
      "uma pessoa, um livro, duas pessoas, dois livros, vinte e duas horas, uma hora, dois minutos, cento e duas casas, dois mil pessoas"
    ],
    ["-10 °C, 37,2°C", "menos dez graus Celsius, trinta e sete vírgula dois graus Celsius"],
    ["1/2 l, 3/4, 2½ horas", "um meio litro, três quartos, duas e meia horas"]
  ])

  golden("pt-PT", "Portugal", [
    ["16, 17 e 19", "dezasseis, dezassete e dezanove"],
    ["14", "catorze"],
    ["1.000.000.000", "mil milhões"],
    ["1,50 €", "um euro e cinquenta cêntimos"],
    ["5 milhões €", "cinco milhões de euros"],
    ["5 km", "cinco quilómetros"],
    ["1 de maio", "um de maio"],
    ["912 345 678", "nove um dois, três quatro cinco, seis sete oito"],
    ["às 17h30", "às dezassete e trinta"]
  ])
})
