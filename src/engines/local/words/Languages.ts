/**
 * Words and phrases of other languages that do not end a turn, by ISO 639 tag. Pure data; in lower case, of at most four words.
 *
 * Only words that hardly ever end a sentence: a German "mit" or "an" does ("kommst du mit", "ich rufe an").
 *
 * @since 0.1.0
 */

/**
 * The phrases of a language.
 *
 * @category models
 * @since 0.1.0
 */
export interface LanguagePhrases {
  /** The speaker goes on. */
  readonly fillers: ReadonlyArray<string>
  /** They cannot end a turn. */
  readonly unfinished: ReadonlyArray<string>
}

const list = (...lines: ReadonlyArray<string>): ReadonlyArray<string> => lines.join(",").split(",")

/**
 * German, French, Spanish, Italian, Portuguese and Dutch.
 *
 * @category constants
 * @since 0.1.0
 */
export const byLanguage: { readonly [language: string]: LanguagePhrases } = {
  de: {
    fillers: list(
      "äh,ähm,öh,öhm,hm,hmm,ehm,moment,einen moment,moment mal,sekunde,eine sekunde,warte,warte mal,warten sie,sozusagen",
      "mal sehen,lass mich überlegen,wie sagt man,quasi"
    ),
    unfinished: list(
      "und,oder,aber,weil,dass,ob,wenn,falls,obwohl,während,bevor,nachdem,sobald,sondern,sowie,und dann,und auch",
      "der,die,den,dem,des,eine,einen,einem,eines,mein,meinen,meinem,dein,deinen,unseren,unserem,kein,für,von,vom,beim,zum,zur",
      "im,ins,am,zwischen,wegen,trotz,seit,ich möchte,ich möchte gerne,ich würde,ich würde gerne,ich hätte,ich hätte gerne",
      "ich suche,können sie,könnten sie,kannst du"
    )
  },
  fr: {
    fillers: list("euh,heu,hum,ben,bah,attendez,attends,un instant,un moment,une seconde,voyons,comment dire,disons"),
    unfinished: list(
      "et,ou,mais,car,parce que,puisque,que,lorsque,comme,donc,et puis,et aussi,pour que,afin de,alors que",
      "le,la,les,un,une,des,du,de,l,au,aux,à,en,dans,sous,chez,pour,par,avec,sans,entre,vers,depuis,pendant,mon,ma,mes",
      "ton,ta,tes,ses,notre,nos,votre,vos,leurs,cet,cette,ces,très,je voudrais,j'aimerais,je cherche,est-ce que",
      "pouvez-vous,pourriez-vous"
    )
  },
  es: {
    fillers: list("eh,em,esto,a ver,espera,espere,un momento,un segundo,déjame ver,cómo se dice,o sea"),
    unfinished: list(
      "y,e,o,u,pero,porque,que,si,aunque,mientras,sino,ya que,para que,y luego,y también,además de",
      "el,la,los,las,un,una,de,del,a,al,en,con,sin,por,para,entre,desde,hasta,sobre,según,contra,mi,mis,tu,tus,su,sus",
      "cada,muy,quisiera"
    )
  },
  it: {
    fillers: list(
      "ehm,eh,mh,allora,dunque,cioè,vediamo,aspetta,aspetti,un momento,un attimo,un secondo,come si dice,diciamo"
    ),
    unfinished: list(
      "e,ed,o,oppure,ma,però,che,se,mentre,anche se,poiché,e poi,e anche,affinché",
      "il,lo,la,i,gli,le,un,una,di,del,dello,della,dei,degli,delle,a,al,allo,alla,ai,alle,da,dal,dalla,in,nel,nella,con,su",
      "sul,sulla,per,tra,fra,senza,ho bisogno di"
    )
  },
  pt: {
    fillers: list("é que,hum,hã,ahn,deixa ver,deixa eu ver,espera,espere,um momento,um segundo,um instante"),
    unfinished: list(
      "e,ou,mas,porque,que,se,embora,enquanto,pois que,para que,e depois,e também,além de",
      "o,a,os,as,um,uma,de,do,da,dos,das,em,no,na,nos,nas,ao,à,aos,com,sem,por,pelo,pela,para,pra,entre,desde,até,sobre",
      "cada,gostaria de,preciso de"
    )
  },
  nl: {
    fillers: list(
      "eh,ehm,uh,uhm,hm,even kijken,wacht,wacht even,moment,een moment,een seconde,hoe zeg je dat,laat me denken"
    ),
    unfinished: list(
      "en,of,maar,want,omdat,als,hoewel,terwijl,voordat,nadat,zodat,en dan,en ook,tenzij,zowel",
      "de,een,van,met,naar,tussen,tijdens,sinds,vanaf,mijn,onze,elke,zeer,ik wil graag,ik zou,ik zou graag,ik zoek,kunt u,kun je,zou u"
    )
  }
}
