/**
 * English words and phrases that end a turn, and that do not. Pure data; phrases in lower case, of at most four words.
 *
 * @since 0.1.0
 */
const list = (text: string): ReadonlyArray<string> => text.split(",").map((phrase) => phrase.trim())

/** Fillers: the speaker goes on. */
export const fillers = list(
  "um, umm, uh, uhh, er, erm, ah, eh, hm, hmm, mm, let me see, let's see, let me think, let me check, let me look, " +
    "you know, i mean, i guess like, how do i say, what's it called, what do you call it, hold on, hang on, wait, " +
    "one second, one sec, one moment, just a second, just a moment, just a minute, give me a second, give me a moment, " +
    "give me a minute, bear with me, basically, like"
)

/** Phrases that cannot end a turn. */
export const unfinished = list(
  // conjunctions
  "and, but, because, cause, or, nor, if, while, although, unless, until, whether, than, as, and then, and also, so, " +
    "so that, even though, even if, which, whose, since, whereas, except, including, and so, plus, minus, or maybe, " +
    // prepositions
    "to, of, at, in, on, for, from, with, by, about, into, onto, under, between, through, during, without, within, " +
    "against, toward, towards, near, via, per, upon, beside, regarding, concerning, such as, as well as, due to, " +
    "instead of, rather than, in order, " +
    // articles and other determiners
    "a, an, the, my, your, our, their, its, every, another, this kind of, very, quite, such, just, a very, a really, " +
    "a lot of, a few of, one of, some of, the next, my next, the other, the same, a new, " +
    "another, and my, and the, " +
    // verbs without their object
    "i want, i need, i'd like, i would like, i'd rather, i would rather, i think, i think that, i said, i said that, " +
    "give me, tell me, show me, send me, get me, " +
    "can you, could you, would you, will you, can i, could i, may i, can we, could we, let me, i was wondering, " +
    "i wonder, i'm wondering, how about, what about, what if, i'm looking, i'm trying, i was trying, i'm calling, " +
    "i'm going, gonna, wanna, gotta, do you have any, is there any, are there any, i believe, i believe that, " +
    "i thought, i thought that, he said, she said, they said, it says, it said, i heard, i heard that, say, " +
    // lists
    "firstly, secondly, thirdly, first of all, second of all, number one, for one thing, for example, for instance, " +
    "on the one hand, on the other hand, the first thing, another thing, one thing, the thing is, the problem is, " +
    // numbers
    "point, dot, hundred and, thousand and, double, triple, divided by, underscore, hyphen"
)

/** Endings that are complete although they look unfinished. */
export const complete = list(
  "i think so, think so, hope so, guess so, believe so, said so, suppose so, do so, not so, why so, or so, " +
    "like that, like this, look like, looks like, feel like, sound like, it like, do you know, did you know, " +
    "would you know, if you know, as you know, let you know, come in, log in, sign in, check in, fill in, get in, " +
    "move in, plug in, log on, go on, carry on, move on, come on, turn it on, put it on, it's on, is on, it is on, " +
    "that's on, stop by, drop by, close by, go by, get through, got through, go through, went through, come through, came through, follow through, put me through, as well, think about it, " +
    "and so on, or not, that's about it, both of them, all of them, let's go on, for me both, i want both, " +
    "please wait, i'll wait, i can wait, can't wait, have to wait, to wait, long wait, " +
    "never mind, that's it, that's all, nothing else, that's everything, i don't know, no idea, of course, not really, " +
    "not yet, not now, no thanks, no thank you, thank you, thanks, thank you very much, thanks a lot, please, " +
    "good morning, good afternoon, good evening, good night, goodbye, bye, hello, hi, hey, yes, yeah, yep, yup, no, " +
    "nope, nah, okay, ok, sure, right, correct, exactly, absolutely, definitely, maybe, probably, perhaps, alright, " +
    "fine, great, perfect, cool, got it, i see, me too, me neither, stop, cancel, help, repeat, again, continue, next, " +
    "what, why, who, where, when, how, really, pardon, sorry, excuse me, guess what, say what, since when, anything, " +
    "nothing, everything, none, all of it, both please, neither of them, a m, p m, u s, u k, t v, o k, i d, pm, i know of, " +
    "as soon as you can, if i can, if you can, if you could, same to you, you too, it's fine, i'm in, count me in"
)

const set = (text: string): ReadonlySet<string> => new Set(list(text))

/** Endings with which a speaker hands over: nothing follows them in the same turn, whatever the intonation. */
export const closings = list(
  "thanks, thank you, thank you very much, thanks a lot, thank you so much, many thanks, no thanks, no thank you, " +
    "that's all, that's it, that's everything, that would be all, never mind, goodbye, bye, bye bye, go ahead, " +
    "over to you, standing by"
)

/** Question words: with one of them, a final preposition or auxiliary can be complete. */
export const questions = set(
  "what, why, who, whom, whose, where, when, how, which, what's, who's, where's, how's, whatever"
)
export const pronouns = set("i, you, he, she, it, we, they, there, that, this")
export const subjects = set("i, he, she, we, they")
export const auxiliaries = set(
  "is, are, was, were, am, will, would, could, should, can, have, has, had, do, does, did, be, been, being, may, might, " +
    "must, shall"
)
export const contractions = set(
  "i'm, i'll, i'd, i've, you're, you'll, you'd, you've, we're, we'll, we'd, we've, they're, they'll, they'd, they've, " +
    "it's, it'll, he's, he'll, she's, she'll, that's, there's, what's, who's, where's, how's, let's, here's"
)
/** Words that start a short answer. */
export const answers = set(
  "yes, yeah, yep, yup, no, nope, nah, sure, okay, ok, oh, think, hope, guess, believe, suppose"
)
/** Prepositions that can end a question, and the "to" of an answer. */
export const stranded = set("to, of, at, in, on, for, from, with, by, about, into, through, under, as")
export const months = set(
  "january, february, march, april, may, june, july, august, september, october, november, december"
)
export const topLevel = set(
  "com, org, net, edu, gov, io, dev, co, uk, de, fr, me, info, us, ca, au, eu, ai, app, nl, ch, at, it"
)
export const mailHosts = set("gmail, googlemail, outlook, hotmail, yahoo, icloud, protonmail, aol")
