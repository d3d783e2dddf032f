import { describe } from "@effect/vitest"
import { golden } from "./GoldenTable.ts"

describe("numbers in English", () => {
  golden("en", "cardinals and decimals", [
    ["There are 0 of them.", "There are zero of them."],
    ["1,234,567 people", "one million two hundred thirty-four thousand five hundred sixty-seven people"],
    ["12,345", "twelve thousand three hundred forty-five"],
    ["100 and 101", "one hundred and one hundred one"],
    ["1,000,000,000", "one billion"],
    ["2,000,001 entries", "two million one entries"],
    ["1 000 000 in spaces", "one million in spaces"],
    ["1'234 in apostrophes", "one thousand two hundred thirty-four in apostrophes"],
    ["1.234,56 as in Europe", "one thousand two hundred thirty-four point five six as in Europe"],
    ["3.14", "three point one four"],
    ["0.05 percent", "zero point zero five percent"],
    [".5 of it", "zero point five of it"],
    ["It was -5 outside.", "It was minus five outside."],
    ["It was −5 outside.", "It was minus five outside."],
    ["±0.5", "plus or minus zero point five"],
    ["1.5 million people", "one point five million people"],
    ["50k followers", "fifty thousand followers"],
    ["5M users", "five million users"],
    ["7 of 10", "seven of ten"],
    ["Number 1,234.", "Number one thousand two hundred thirty-four."]
  ])

  golden("en", "years and decades", [
    ["in 1999", "in nineteen ninety-nine"],
    ["In 2026, it ended.", "In twenty twenty-six, it ended."],
    ["She was born in 1905.", "She was born in nineteen oh five."],
    ["since 2000", "since two thousand"],
    ["by 2008", "by two thousand eight"],
    ["In 1066 they came.", "In ten sixty-six they came."],
    ["the 1800s", "the eighteen hundreds"],
    ["the 1990s", "the nineteen nineties"],
    ["the '90s", "the nineties"],
    ["the ’80s", "the eighties"],
    ["the 2010s", "the twenty tens"],
    ["1914–1918", "nineteen fourteen to nineteen eighteen"],
    ["1990-1995", "nineteen ninety to nineteen ninety-five"],
    ["2024-25 season", "twenty twenty-four to twenty-five season"],
    ["1500 people", "one thousand five hundred people"],
    ["1234 unread messages", "one thousand two hundred thirty-four unread messages"],
    ["(1969)", "(nineteen sixty-nine)"],
    ["1900", "nineteen hundred"]
  ])

  golden("en", "ordinals", [
    ["the 1st of May", "the first of May"],
    ["2nd, 3rd and 4th", "second, third and fourth"],
    ["the 21st century", "the twenty-first century"],
    ["the 112th floor", "the one hundred twelfth floor"],
    ["his 30th birthday", "his thirtieth birthday"],
    ["the 1,000th visitor", "the one thousandth visitor"],
    ["the 5th-grade class", "the fifth-grade class"]
  ])

  golden("en", "money", [
    ["€1,234.56", "one thousand two hundred thirty-four euros and fifty-six cents"],
    ["£2,000,000", "two million pounds"],
    ["€5 million", "five million euros"],
    ["£3m", "three million pounds"],
    ["$1.5bn", "one point five billion dollars"],
    ["US$5", "five US dollars"],
    ["$1", "one dollar"],
    ["$1.01", "one dollar and one cent"],
    ["$0.99", "ninety-nine cents"],
    ["-$5", "minus five dollars"],
    ["$5–10", "five to ten dollars"],
    ["$5-$10 million", "five to ten million dollars"],
    ["$20k", "twenty thousand dollars"],
    ["10 EUR", "ten euros"],
    ["CHF 5.-", "five Swiss francs"],
    ["R$ 10.50", "ten reais and fifty centavos"],
    ["5 kr", "five kroner"],
    ["50¢", "fifty cents"],
    ["₹100", "one hundred rupees"],
    ["₹5 lakh", "five lakh rupees"],
    ["¥1000", "one thousand yen"],
    ["£1", "one pound"],
    ["£1.50", "one pound and fifty pence"],
    ["$3.5", "three point five dollars"],
    ["$10/month", "ten dollars per month"],
    ["€3/kg", "three euros per kilogram"]
  ])

  golden("en", "measures", [
    ["5%", "five percent"],
    ["5 %", "five percent"],
    ["10-15 %", "ten to fifteen percent"],
    ["99.9%", "ninety-nine point nine percent"],
    ["2‰", "two per mille"],
    ["20°C", "twenty degrees Celsius"],
    ["-5 °C", "minus five degrees Celsius"],
    ["98.6°F", "ninety-eight point six degrees Fahrenheit"],
    ["45°", "forty-five degrees"],
    ["5 km", "five kilometers"],
    ["1 km", "one kilometer"],
    ["1.5 km", "one point five kilometers"],
    ["100 km/h", "one hundred kilometers per hour"],
    ["65 mph", "sixty-five miles per hour"],
    ["5kg", "five kilograms"],
    ["2.5 GB", "two point five gigabytes"],
    ["3 kWh", "three kilowatt-hours"],
    ["20 m²", "twenty square meters"],
    ["5 µg", "five micrograms"],
    ["250 ml", "two hundred fifty milliliters"],
    ["1 h 30 min", "one hour thirty minutes"],
    ["5 l/100 km", "five liters per one hundred kilometers"],
    ["5'11\" tall", "five feet eleven inches tall"],
    ["16 Mbit/s", "sixteen megabits per second"],
    ["3–5 days", "three to five days"],
    ["3-5 days", "three to five days"],
    ["9–11 °C", "nine to eleven degrees Celsius"]
  ])

  golden("en", "dates", [
    ["2026-11-29", "November twenty-ninth, twenty twenty-six"],
    ["2026-11-29T17:30:00Z", "November twenty-ninth, twenty twenty-six, seventeen thirty"],
    ["11/29/2026", "November twenty-ninth, twenty twenty-six"],
    ["29/11/2026", "November twenty-ninth, twenty twenty-six"],
    ["29.11.2026", "November twenty-ninth, twenty twenty-six"],
    ["3/4/99", "March fourth, nineteen ninety-nine"],
    ["Oct 3, 2026", "October third, twenty twenty-six"],
    ["October 3", "October third"],
    ["Oct. 3rd", "October third"],
    ["October 3–5, 2026", "October third to fifth, twenty twenty-six"],
    ["3 October 2026", "the third of October twenty twenty-six"],
    ["the 3 October meeting", "the third of October meeting"],
    ["Sept. 1, 1999", "September first, nineteen ninety-nine"],
    ["May 5", "May fifth"],
    ["October 2026", "October twenty twenty-six"]
  ])

  golden("en", "times", [
    ["5:30 p.m.", "five thirty p.m."],
    ["5:30 PM.", "five thirty p.m."],
    ["17:30", "seventeen thirty"],
    ["9am", "nine a.m."],
    ["at 9am.", "at nine a.m."],
    ["5:05", "five oh five"],
    ["12:00", "twelve o'clock"],
    ["17:00", "seventeen hundred"],
    ["9:30-10:45", "nine thirty to ten forty-five"],
    ["5-7 p.m.", "five to seven p.m."],
    ["10 a.m.–2 p.m.", "ten a.m. to two p.m."],
    ["1:23:45", "one hour twenty-three minutes forty-five seconds"]
  ])

  golden("en", "telephones and codes", [
    ["Call 911.", "Call nine one one."],
    ["555-123-4567", "five five five, one two three, four five six seven"],
    ["(555) 123-4567", "five five five, one two three, four five six seven"],
    ["+1 555 123 4567 ext. 42", "plus one, five five five, one two three, four five six seven, extension four two"],
    ["1-800-555-0199", "one, eight zero zero, five five five, zero one nine nine"],
    ["020 7946 0958", "zero two zero, seven nine four six, zero nine five eight"],
    ["+44 (0)20 7946 0958", "plus four four, two zero, seven nine four six, zero nine five eight"],
    ["order number 12345", "order number one two three four five"],
    ["PIN 1234", "PIN one two three four"],
    ["007", "zero zero seven"],
    ["4111 1111 1111 1111", "four one one one, one one one one, one one one one, one one one one"],
    [
      "12345678901234567890",
      "one two three four, five six seven eight, nine zero one two, three four five six, seven eight nine zero"
    ],
    ["ISBN 978-3-16-148410-0", "ISBN nine seven eight, three, one six, one four eight, four one zero, zero"],
    ["192.168.0.1", "one nine two dot one six eight dot zero dot one"],
    ["v1.2.3", "v one dot two dot three"],
    ["version 2.10.3", "version two dot ten dot three"],
    ["v2.0", "v two dot zero"],
    ["A7B9", "A seven B nine"],
    ["5G", "five G"],
    ["MP3", "MP three"],
    ["H2O", "H two O"],
    ["COVID-19", "COVID-nineteen"],
    ["GPT-4", "GPT-four"],
    ["A380", "A three eight zero"],
    ["x86-64", "x eighty-six sixty-four"]
  ])

  golden("en", "fractions and mathematics", [
    ["1/2", "one half"],
    ["3/4 cup", "three quarters cup"],
    ["½", "one half"],
    ["2½ hours", "two and a half hours"],
    ["1 1/2 cups", "one and a half cups"],
    ["5/8", "five eighths"],
    ["24/7", "twenty-four seven"],
    ["120/80", "one hundred twenty over eighty"],
    ["50/50", "fifty fifty"],
    ["3:1", "three to one"],
    ["$5 to 10", "five to ten dollars"],
    ["10 - 3 equals 7", "ten minus three equals seven"],
    ["October 3 to 5, 2026", "October third to fifth, twenty twenty-six"],
    ["2+2=4", "two plus two equals four"],
    ["10 - 3 = 7", "ten minus three equals seven"],
    ["5^2", "five squared"],
    ["10³", "ten cubed"],
    ["10^-6", "ten to the power of minus six"],
    ["x^2", "x squared"],
    ["1.5e10", "one point five times ten to the power of ten"],
    ["6.022×10^23", "six point zero two two times ten to the power of twenty-three"],
    ["3 * 4", "three times four"],
    ["8 ÷ 2", "eight divided by two"],
    ["10/2=5", "ten divided by two equals five"],
    ["3x4", "three by four"],
    ["3 × 4 m", "three by four meters"],
    ["1920x1080", "one thousand nine hundred twenty by one thousand eighty"],
    ["5x faster", "five times faster"],
    ["2^3=8", "two cubed equals eight"]
  ])

  golden("en", "other digits", [
    ["١٢٣", "one hundred twenty-three"],
    ["１２３", "one hundred twenty-three"],
    ["𝟕", "seven"],
    ["H₂O", "H two O"],
    ["①", "one"],
    ["1,2,3", "one, two, three"],
    ["10-year-old", "ten-year-old"],
    ["mid-2026", "mid-twenty twenty-six"]
  ])

  golden("en", "sentences", [
    ["Press 1 for sales, 2 for support.", "Press one for sales, two for support."],
    ["It's 3:45 now, i.e. 15:45.", "It's three forty-five now, i.e. fifteen forty-five."],
    [
      "Your total is $1,299.99 (incl. 19% VAT).",
      "Your total is one thousand two hundred ninety-nine dollars and ninety-nine cents (incl. nineteen percent VAT)."
    ],
    ["The meeting is on 2026-10-03 at 09:05.", "The meeting is on October third, twenty twenty-six at nine oh five."],
    ["He ran 100m in 9.58s.", "He ran one hundred meters in nine point five eight seconds."],
    ["In Q3 2024, sales rose 12.5%.", "In Q three twenty twenty-four, sales rose twelve point five percent."],
    ["Open Mon-Fri 9am-5pm.", "Open Mon-Fri nine a.m. to five p.m."],
    ["Temperature: 72°F/22°C.", "Temperature: seventy-two degrees Fahrenheit slash twenty-two degrees Celsius."],
    ["Mix 2-3 tbsp with 1/2 cup.", "Mix two to three tbsp with one half cup."],
    ["The 2010s and the 60's.", "The twenty tens and the sixties."],
    ["You have 1 new message and 21 old ones.", "You have one new message and twenty-one old ones."],
    ["ETA 10-15 mins.", "ETA ten to fifteen mins."],
    ["Wi-Fi 6, USB 3.0, HDMI 2.1, MP4", "Wi-Fi six, USB three point zero, HDMI two point one, MP four"],
    ["Earth is 149.6 million km away.", "Earth is one hundred forty-nine point six million kilometers away."],
    ["$12 million, $12M, 12 million dollars", "twelve million dollars, twelve million dollars, twelve million dollars"],
    ["5 - 3 = 2 and 6/2 = 3", "five minus three equals two and six divided by two equals three"],
    ["The score was 3-2. ", "The score was three to two. "],
    ["The ratio is 16:9.", "The ratio is sixteen to nine."],
    ["Room 5B, Apt. 12C, 221B Baker Street", "Room five B, Apt. twelve C, two hundred twenty-one B Baker Street"],
    ["Born 1/2/1990.", "Born January second, nineteen ninety."],
    ["Version 3 (build 20260101)", "Version three (build two zero two six, zero one zero one)"],
    ["1st Ave. & 42nd St.", "first Ave. & forty-second St."],
    ["10:30am–11:45am", "ten thirty a.m. to eleven forty-five a.m."],
    ["Only 0.5% of 1,000,000,000,000.", "Only zero point five percent of one trillion."],
    ["0800 123 456", "zero eight zero zero, one two three, four five six"],
    ["Tel: 555.123.4567", "Tel: five five five, one two three, four five six seven"],
    [
      "Jan. 5th; 5 Jan; Jan 5-7; Dec 25",
      "January fifth; the fifth of January; January fifth to seventh; December twenty-fifth"
    ],
    [
      "the year 476; 44 BC; 1492 AD; c. 1850",
      "the year four hundred seventy-six; forty-four BC; fourteen ninety-two AD; c. eighteen fifty"
    ],
    [
      "$3.99/lb; 60 mi/h; 20 km/l",
      "three dollars and ninety-nine cents per pound; sixty miles per hour; twenty kilometers per liter"
    ],
    [
      "€1.5M; $2B; 3B; £250K; 4.5k",
      "one point five million euros; two billion dollars; three B; two hundred fifty thousand pounds; four point five thousand"
    ],
    [
      "100°C; 37.5 °C; -40°; 0°C",
      "one hundred degrees Celsius; thirty-seven point five degrees Celsius; minus forty degrees; zero degrees Celsius"
    ],
    ["2.5x; 10x; 3 x 5; 4x4", "two point five times; ten times; three by five; four by four"],
    [
      "100/100; 7/10; 3/4; 1/3; 2/3 majority; 11/12",
      "one hundred out of one hundred; seven tenths; three quarters; one third; two thirds majority; eleven twelfths"
    ],
    ["No. 10; #42; § 12; p. 34; pp. 3-5", "No. ten; #forty-two; § twelve; p. thirty-four; pp. three to five"],
    [
      "10^9; 2^-3; 3²; m³; 10⁻³",
      "ten to the power of nine; two to the power of minus three; three squared; m cubed; ten to the power of minus three"
    ],
    [
      "12345; 123456; 1234567; 12345678; 100000; 1000000",
      "twelve thousand three hundred forty-five; one hundred twenty-three thousand four hundred fifty-six; one million two hundred thirty-four thousand five hundred sixty-seven; one two three four, five six seven eight; one hundred thousand; one million"
    ],
    ["0.1 + 0.2 = 0.3", "zero point one plus zero point two equals zero point three"],
    [
      "1 km², 1 mph, 1 lb, 1 °C, 1%, 1 GB, 1 h",
      "one square kilometer, one mile per hour, one pound, one degree Celsius, one percent, one gigabyte, one hour"
    ],
    [
      "2:05:09; 0:59; 00:30; 24:00; 90:00; 12:00 a.m.; 12 p.m.",
      "two hours five minutes nine seconds; zero fifty-nine; zero thirty; twenty-four hundred; ninety minutes; twelve a.m.; twelve p.m."
    ],
    [
      "20,5; 1.234.567; 12.345.678,90",
      "twenty, five; one million two hundred thirty-four thousand five hundred sixty-seven; twelve million three hundred forty-five thousand six hundred seventy-eight point nine zero"
    ],
    ["Nov 29, 2026 at 5:00 PM", "November twenty-ninth, twenty twenty-six at five p.m."],
    [
      "29 Nov 2026; 29th November; 29th of November 2026; the 29th",
      "the twenty-ninth of November twenty twenty-six; the twenty-ninth of November; the twenty-ninth of November twenty twenty-six; the twenty-ninth"
    ],
    [
      "2026/11/29; 11-29-2026; 2026-11; 11/2026",
      "November twenty-ninth, twenty twenty-six; November twenty-ninth, twenty twenty-six; November twenty twenty-six; November twenty twenty-six"
    ],
    [
      "£5 to £10; £5–£10; £5m–£10m; 5–10%; €5–10 million",
      "five pounds to ten pounds; five to ten pounds; five to ten million pounds; five to ten percent; five to ten million euros"
    ],
    [
      "+1-202-555-0143; 202-555-0143; (202)555-0143; 1 (202) 555-0143; +1 (202) 555-0143",
      "plus one, two zero two, five five five, zero one four three; two zero two, five five five, zero one four three; two zero two, five five five, zero one four three; one two zero two, five five five, zero one four three; plus one, two zero two, five five five, zero one four three"
    ],
    [
      "A1-B2; 3-D; R2-D2; I-5; Boeing 747; 737 MAX; C-3PO",
      "A one-B two; three-D; R two-D two; I-five; Boeing seven hundred forty-seven; seven hundred thirty-seven MAX; C-three PO"
    ],
    [
      "100,000,000; 1,00,000; 12,34,567",
      "one hundred million; one hundred thousand; one million two hundred thirty-four thousand five hundred sixty-seven"
    ]
  ])

  golden("en", "more sentences", [
    [
      "$1,234.5, £1,234, € 5, 5€, -€5, ($5), $5.00, $.50, USD 1,000, 1,000 USD, $1-2M, $1k–$2k",
      "one thousand two hundred thirty-four point five dollars, one thousand two hundred thirty-four pounds, five euros, five euros, minus five euros, (five dollars), five dollars, fifty cents, one thousand US dollars, one thousand US dollars, one to two million dollars, one to two thousand dollars"
    ],
    [
      "12:30pm-1:30pm, 5 o'clock, at 5., 10:00 AM EST, GMT+1, UTC-5",
      "twelve thirty p.m. to one thirty p.m., five o'clock, at five., ten a.m. EST, GMT+one, UTC-five"
    ],
    ["5%-10%, 5% - 10%", "five percent to ten percent, five percent to ten percent"],
    ["2 ½, 1-1/2", "two and a half, one and a half"],
    ["+/-5%", "plus or minus five percent"],
    [".5, -.5", "zero point five, minus zero point five"],
    ["€1.50 - €2", "one euro and fifty cents to two euros"],
    [
      "+44 20 7946 0958, 1 800 555 0199, 1-800-555-0199.",
      "plus four four, two zero, seven nine four six, zero nine five eight, one, eight zero zero, five five five, zero one nine nine, one, eight zero zero, five five five, zero one nine nine."
    ],
    ["2024/2025, 24/25", "twenty twenty-four twenty twenty-five, twenty-four twenty-five"],
    [
      "3,000 m, 10,000-foot, 50-50, 2-for-1, 9-to-5, 7-11",
      "three thousand meters, ten thousand-foot, fifty fifty, two-for-one, nine-to-five, seven to eleven"
    ],
    [
      "Sept 11, 2001; Sept. 11; 9/11; July 4th, 1776; 4 July 1776",
      "September eleventh, two thousand one; September eleventh; nine eleven; July fourth, seventeen seventy-six; the fourth of July seventeen seventy-six"
    ],
    ["On 11/29 at 7:00 we met.", "On November twenty-ninth at seven o'clock we met."],
    ["He is 6'2\" and weighs 180 lbs.", "He is six feet two inches and weighs one hundred eighty pounds."],
    [
      "$19.99 each, 3 for $50, 50% off, 2 x 5",
      "nineteen dollars and ninety-nine cents each, three for fifty dollars, fifty percent off, two by five"
    ],
    [
      "10 km/h - 20 km/h; 10km-20km",
      "ten kilometers per hour to twenty kilometers per hour; ten kilometers to twenty kilometers"
    ],
    ["Between $5 and $10.", "Between five dollars and ten dollars."],
    ["about 1/3 of 300, 2/3rds, 3/4ths", "about one third of three hundred, two thirds, three quarters"],
    [
      "room 1408; apartment 12; suite 300; 1600 Pennsylvania Avenue; 10 Downing Street; zip 10001",
      "room fourteen oh eight; apartment twelve; suite three hundred; sixteen hundred Pennsylvania Avenue; ten Downing Street; zip one zero zero zero one"
    ],
    ["2026; 2026.; (2026); 2026?", "twenty twenty-six; twenty twenty-six.; (twenty twenty-six); twenty twenty-six?"]
  ])

  golden("en-GB", "British", [
    ["101 and 1,234", "one hundred and one and one thousand two hundred and thirty-four"],
    ["29/11/2026", "the twenty-ninth of November twenty twenty-six"],
    ["2026-11-29", "the twenty-ninth of November twenty twenty-six"],
    ["on 3 October 2026", "on the third of October twenty twenty-six"],
    ["the 3 October meeting", "the third of October meeting"],
    ["October 3, 2026", "October third, twenty twenty-six"],
    ["5 km and 5%", "five kilometres and five per cent"],
    ["£1.01", "one pound and one penny"],
    ["50p", "fifty pence"]
  ])
})
