import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as TokenEstimate from "../../src/agent/TokenEstimate.ts"

/** The most tokens that cl100k_base, o200k_base (gpt-tokenizer 4.0.0) and Llama 2's tokenizer (llama-tokenizer-js 1.2.2) count. */
const counted: { readonly [language: string]: readonly [tokens: number, text: string] } = {
  english: [
    48,
    "Hello, I would like to book a table for four people on Friday evening at half past seven, please. My name is Ada Lovelace and my number is 0171 234 5678."
  ],
  german: [
    44,
    "Guten Tag, ich möchte gerne am Freitagabend um halb acht einen Tisch für vier Personen reservieren. Könnten Sie mir bitte eine Bestätigung schicken?"
  ],
  finnish: [
    68,
    "Hyvää päivää, haluaisin varata pöydän neljälle hengelle perjantai-illaksi kello puoli kahdeksan. Voisitteko lähettää minulle vahvistuksen tekstiviestillä?"
  ],
  turkish: [
    54,
    "Merhaba, cuma akşamı saat yedi buçukta dört kişilik bir masa ayırtmak istiyorum. Bana bir onay mesajı gönderebilir misiniz?"
  ],
  vietnamese: [
    85,
    "Xin chào, tôi muốn đặt bàn cho bốn người vào tối thứ sáu lúc bảy giờ rưỡi. Bạn có thể gửi cho tôi tin nhắn xác nhận không?"
  ],
  swahili: [
    48,
    "Habari, ningependa kuhifadhi meza ya watu wanne Ijumaa jioni saa moja na nusu. Tafadhali nitumie uthibitisho."
  ],
  russian: [
    66,
    "Здравствуйте, я хотел бы забронировать столик на четверых в пятницу вечером в половине восьмого. Пришлите, пожалуйста, подтверждение."
  ],
  greek: [98, "Καλησπέρα, θα ήθελα να κλείσω ένα τραπέζι για τέσσερα άτομα την Παρασκευή το βράδυ στις επτάμισι."],
  arabic: [96, "مرحبا، أود أن أحجز طاولة لأربعة أشخاص مساء يوم الجمعة في الساعة السابعة والنصف. هل يمكنكم إرسال تأكيد؟"],
  hebrew: [88, "שלום, אני רוצה להזמין שולחן לארבעה אנשים ביום שישי בערב בשעה שבע וחצי. אפשר לקבל אישור?"],
  armenian: [167, "Բարև ձեզ, ես կցանկանայի սեղան պատվիրել չորս հոգու համար ուրբաթ երեկոյան ժամը յոթ անց կեսին։"],
  hindi: [131, "नमस्ते, मैं शुक्रवार की शाम साढ़े सात बजे चार लोगों के लिए एक मेज़ बुक करना चाहता हूँ। क्या आप मुझे पुष्टि भेज सकते हैं?"],
  thai: [115, "สวัสดีค่ะ ฉันต้องการจองโต๊ะสำหรับสี่คนในเย็นวันศุกร์เวลาหนึ่งทุ่มครึ่ง ช่วยส่งข้อความยืนยันให้ด้วยนะคะ"],
  tamil: [133, "வணக்கம், வெள்ளிக்கிழமை மாலை ஏழரை மணிக்கு நான்கு பேருக்கு ஒரு மேசையை முன்பதிவு செய்ய விரும்புகிறேன்."],
  georgian: [142, "გამარჯობა, მინდა დავჯავშნო მაგიდა ოთხ კაცზე პარასკევს საღამოს რვის ნახევარზე."],
  amharic: [138, "ሰላም፣ አርብ ምሽት ሰባት ተኩል ሰዓት ላይ ለአራት ሰዎች ጠረጴዛ መያዝ እፈልጋለሁ።"],
  burmese: [177, "မင်္ဂလာပါ၊ သောကြာနေ့ညနေ ခုနစ်နာရီခွဲမှာ လူလေးယောက်အတွက် စားပွဲတစ်လုံး ကြိုတင်မှာချင်ပါတယ်။"],
  chinese: [
    73,
    "您好，我想预订星期五晚上七点半的四人桌。请问可以给我发一条确认短信吗？我的电话是一三八零零一二三四五六。"
  ],
  japanese: [
    66,
    "こんにちは、金曜日の夜七時半に四名でテーブルを予約したいのですが。確認のメッセージを送っていただけますか。"
  ],
  korean: [84, "안녕하세요, 금요일 저녁 일곱 시 반에 네 명 자리를 예약하고 싶습니다. 확인 문자를 보내 주시겠어요?"],
  json: [
    104,
    JSON.stringify({
      results: [{ id: 17342, name: "Table 4", free: true, at: "2026-11-29T19:30:00Z", price: 42.5 }, {
        id: 17343,
        name: "Table 9",
        free: false,
        at: "2026-11-29T20:00:00Z",
        price: 39.95
      }]
    })
  ],
  emoji: [48, "🎉👍🏽 ❤️‍🔥 👨‍👩‍👧‍👦 ☀️"],
  url: [46, "https://example.com/api/v2/items?id=8f14e45fceea167a5a36dedd4bea2543&sort=asc"]
}

const bytes = (text: string) => new TextEncoder().encode(text).length

describe("TokenEstimate", () => {
  it("is never less than what tokenizers count, and not much more, in any script", () => {
    for (const [language, [tokens, text]] of Object.entries(counted)) {
      const estimate = TokenEstimate.ofText(text)
      assert.isAtLeast(estimate, tokens, language)
      assert.isAtMost(estimate, 2.1 * tokens, language)
    }
  })

  it.prop("grows with the text, and is finite", [Schema.String, Schema.String], ([one, other]) => {
    const whole = TokenEstimate.ofText(one + other)
    assert.isAtLeast(whole + 1, TokenEstimate.ofText(one))
    assert.isAtMost(whole, 4 * bytes(one + other) + 1)
  })

  it.prop("shortens to at most so many tokens, and keeps both ends", [Schema.String, Schema.Int], ([any, seed]) => {
    const text = any.toWellFormed()
    const long = `begin ${text} ${"word ".repeat(Math.abs(seed) % 500)}end`
    const tokens = 32 + Math.abs(seed) % 200
    const short = TokenEstimate.shorten(long, tokens, "(left out)")
    assert.isAtMost(TokenEstimate.ofText(short), tokens)
    if (short === long) return
    assert.include(short, "(left out)")
    assert.isTrue(short === "(left out)" || (short.startsWith("begin") && short.endsWith("end")))
    assert.isTrue(short.isWellFormed())
  })
})
