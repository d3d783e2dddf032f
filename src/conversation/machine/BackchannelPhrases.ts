/**
 * The built-in backchannels, by language: words that only show that the user listens.
 *
 * In lower case and without punctuation. Words that also begin a turn of their own ("no", "wait", "what") are not among them.
 *
 * @since 0.1.0
 */

const list = (...lines: ReadonlyArray<string>): ReadonlyArray<string> => lines.join(",").split(",")

/**
 * Sounds and words that are the same in most languages.
 *
 * @category constants
 * @since 0.1.0
 */
export const common: ReadonlyArray<string> = list("mhm,mm,mmm,mm hm,mm hmm,mhmm,hm,hmm,ah,aha,ah ha,oh,okay,ok")

/**
 * The phrases of each language, by its ISO 639 tag.
 *
 * @category constants
 * @since 0.1.0
 */
export const byLanguage: { readonly [language: string]: ReadonlyArray<string> } = {
  en: list(
    "uh huh,uhhuh,uh hum,ooh,wow,yeah,yea,yep,yup,yes,ya,right,all right,alright,okey,kay,k,sure,sure thing,i see,got it",
    "gotcha,i got it,i got you,i get it,i understand,understood,makes sense,that makes sense,true,that's true,thats true",
    "exactly,of course,absolutely,definitely,indeed,really,fair enough,good,cool,nice,great,interesting,no way,i know",
    "for sure,totally,so true,very good,go on,oh really,oh okay,oh i see,that's right,thats right,sounds good"
  ),
  de: list(
    "ja,jaja,jo,jep,jawohl,joa,na ja,ach so,achso,ach,ach ja,ach wirklich,genau,ganz genau,stimmt,das stimmt,richtig,klar",
    "na klar,alles klar,schon klar,ist klar,gut,sehr gut,na gut,schön,super,toll,prima,cool,wirklich,echt,ach echt,interessant",
    "verstehe,ich verstehe,verstanden,ich weiß,weiß ich,natürlich,sicher,sicherlich,selbstverständlich,in ordnung,passt",
    "eben,absolut,auf jeden fall,macht sinn,das macht sinn,kein problem,einverstanden,ja klar,ja genau"
  ),
  fr: list(
    "oui,ouais,ouaip,mouais,ah oui,ah bon,ah d'accord,d'accord,daccord,entendu,exactement,exact,tout à fait,absolument",
    "bien sûr,évidemment,certainement,c'est vrai,vrai,c'est ça,voilà,je vois,je comprends,compris,j'ai compris,ça marche",
    "bien,très bien,bon,super,génial,parfait,vraiment,intéressant,je sais,en effet,effectivement,c'est bon,ça va,euh oui"
  ),
  es: list(
    "sí,si,ajá,aja,ya,ya veo,ya lo sé,claro,claro que sí,vale,de acuerdo,está bien,esta bien,bien,muy bien,bueno,exacto",
    "exactamente,así es,eso es,eso,cierto,es cierto,verdad,es verdad,correcto,entiendo,lo entiendo,entendido,comprendo",
    "por supuesto,desde luego,perfecto,genial,qué bien,en serio,de verdad,interesante,lo sé,sin duda,ah sí,ah vale"
  ),
  it: list(
    "sì,si,già,ah sì,eh sì,certo,certamente,esatto,esattamente,giusto,è vero,vero,va bene,bene,molto bene,benissimo,d'accordo",
    "daccordo,capito,ho capito,capisco,chiaro,ovvio,ovviamente,naturalmente,assolutamente,perfetto,ottimo,bello,davvero",
    "interessante,lo so,infatti,appunto,ecco,senza dubbio"
  ),
  pt: list(
    "sim,pois,pois é,pois sim,uhum,aham,é,ah é,é isso,isso,isso mesmo,certo,tá,tá bom,está bem,está bom,tudo bem,bem,muito bem",
    "claro,claro que sim,com certeza,exato,exatamente,verdade,é verdade,entendo,entendi,percebo,percebi,compreendo,beleza",
    "legal,ótimo,perfeito,sério,a sério,interessante,eu sei,sem dúvida,de acordo,combinado,fixe"
  ),
  nl: list(
    "ja,jaja,jawel,ja hoor,juist,precies,inderdaad,klopt,dat klopt,goed,heel goed,is goed,oké,oke,prima,mooi,leuk,fijn",
    "natuurlijk,zeker,uiteraard,absoluut,duidelijk,helder,begrepen,snap ik,ik snap het,ik begrijp het,ik weet het",
    "echt,echt waar,waar,dat is waar,oh ja,ach ja,interessant,logisch,akkoord,geen probleem,top"
  )
}
