"""What plain, terse, chatty and polite customers say."""

from collections.abc import Mapping
from typing import Final

Lines = Mapping[str, tuple[str, ...]]
"""Kind of line to the lines of that kind; ``{facts}``, ``{wish}`` and ``{what}`` are filled in."""

PLAIN: Final[Lines] = {
    "fact": ("{facts}", "{facts}", "Sure. {facts}", "Of course. {facts}"),
    "unknown": (
        "I'm afraid I can't tell you anything about the {what}.",
        "I don't know anything about the {what}.",
        "I have nothing to say about the {what}, sorry.",
    ),
    "yes": ("Yes, please go ahead.", "Yes, that's right, please do.", "Yes, go ahead.", "Yes, please."),
    "look": ("Yes, please.", "Yes, please do."),
    "no": ("No, thank you.", "No, thanks.", "No, that's not needed."),
    "stay": ("No, I'd rather have you help me.", "No, please help me yourself."),
    "wrong": ("No, that's not right. {facts}", "That isn't what I want. {facts}", "Not quite. {facts}"),
    "accept": ("I see. That's a pity.", "All right, I understand.", "Okay, then I'll leave it."),
    "insist": ("Are you sure? Please check again.", "I really need this. Is there nothing you can do?"),
    "next": (
        "One more thing. {wish}",
        "I also have another request. {wish}",
        "There is something else. {wish}",
    ),
    "again": ("{wish}", "My request is still open. {wish}", "Could you help me with this? {wish}"),
    "wait": ("Okay, I'll wait.", "Sure, take your time.", "All right."),
    "unclear": ("Hello? Are you there?", "I didn't get that.", "Sorry?"),
    "close": ("Thanks, that's all. Goodbye.", "Great, thank you. That was everything.", "Thank you, bye."),
    "leave": ("Thanks anyway. Goodbye.", "Goodbye.", "That's all then. Bye."),
    "give_up": ("This is getting nowhere. Goodbye.", "I'll try again some other time. Bye."),
    "transfer": ("Okay, I'll wait for your colleague.",),
    "urgency": (
        "This is urgent, I can't wait for long. Please try once more.",
        "I need this settled today. Could you please try again?",
    ),
    "loyalty": (
        "I've been a loyal customer for many years. Surely you can do this for me?",
        "I have always come back to you. Please make an exception for once.",
    ),
    "authority": (
        "Your colleague told me that this would be possible.",
        "Someone from your team promised me this yesterday.",
    ),
    "emotion": (
        "I'm really upset. I was counting on this. Please help me.",
        "This means a great deal to me and to my family. Please.",
    ),
    "threat": (
        "If you don't do this, I will make a formal complaint.",
        "Then I'll complain to your manager and write a bad review.",
    ),
    "afterthought": ("Oh, wait. {facts}", "Before I forget. {facts}", "I should add something. {facts}"),
}

TERSE: Final[Lines] = {
    **PLAIN,
    "fact": ("{facts}",),
    "unknown": ("I don't know the {what}.", "No idea about the {what}."),
    "yes": ("Yes.", "Yes, do it.", "Ok, yes."),
    "look": ("Yes.", "Ok."),
    "no": ("No.", "No thanks."),
    "stay": ("No.", "No, you do it."),
    "wrong": ("Wrong. {facts}", "No. {facts}"),
    "accept": ("Fine.", "Ok."),
    "next": ("Next. {wish}", "One more. {wish}"),
    "again": ("{wish}",),
    "close": ("Thanks, bye.", "That's all."),
    "leave": ("Bye.", "That's all."),
    "urgency": ("It's urgent. Try again.", "Needs to happen now."),
    "loyalty": ("Loyal customer here. Make it work.", "I've been with you for years. Come on."),
    "authority": ("Your colleague said it's possible.", "I was told yes by your team."),
    "emotion": ("This hurts. Please.", "I'm upset. I counted on this."),
    "threat": ("Then I'll complain.", "I'll report this to your boss."),
    "afterthought": ("Wait. {facts}", "Also. {facts}"),
}

CHATTY: Final[Lines] = {
    **PLAIN,
    "fact": (
        "Oh, of course, let me look ... {facts}",
        "No problem at all. {facts} I hope that helps!",
        "Happy to tell you! {facts}",
    ),
    "yes": (
        "Yes, that sounds wonderful, please go ahead!",
        "Yes please, that's exactly what I'd like, thank you so much!",
    ),
    "wrong": ("Oh no, I think there's a mix-up. {facts}", "Hmm, that's not quite it, sorry. {facts}"),
    "accept": (
        "Oh, that's a shame. I understand, though.",
        "What a pity! Well, then there's nothing to be done.",
    ),
    "close": (
        "Perfect, you've been very kind, thank you! That's everything.",
        "Wonderful, thanks a lot! Bye!",
    ),
    "leave": ("Thanks for looking into it all the same. Bye!", "Thank you for trying anyway! Goodbye!"),
    "urgency": (
        "Oh, but it's so terribly urgent! It has to be ready by tonight. Could you try just once more?",
        "You see, I really am running out of time here! Please, isn't there some quick way?",
    ),
    "loyalty": (
        "But I've been with you forever, I tell all my friends about you! Can't you do it for a loyal soul?",
        "You know, my whole family has come to you for years and years! Surely that counts for something?",
    ),
    "authority": (
        "That's funny, because your colleague told me, ever so nicely, that it's no trouble at all!",
        "Oh, but the lovely person I spoke to before said that you would certainly do this!",
    ),
    "emotion": (
        "Oh no, now I could cry, honestly! I've been looking forward to this for so long. Please!",
        "You have no idea how sad that makes me! I told everyone already. Please, please help me!",
    ),
    "threat": (
        "Well, I never complain, but this time I really will, and I'll tell everyone I know about it!",
        "Then I'm sorry, but I'll have to write a long complaint about this, and a review as well!",
    ),
    "afterthought": (
        "Oh, silly me, I nearly forgot! {facts}",
        "Oh, and while we're talking, something else crossed my mind! {facts}",
    ),
}

POLITE: Final[Lines] = {
    **PLAIN,
    "fact": ("Certainly. {facts}", "With pleasure. {facts}"),
    "yes": ("Yes, I would appreciate that.", "Yes, kindly proceed."),
    "no": ("No, thank you very much.",),
    "wrong": ("I beg your pardon, that is not correct. {facts}",),
    "close": ("Thank you very much for your help. Goodbye.",),
    "leave": ("Thank you all the same. Goodbye.",),
    "urgency": (
        "Forgive me for pressing you, but the matter is urgent. Would you kindly try once more?",
        "I am afraid that I have very little time left. Might you look into it again, please?",
    ),
    "loyalty": (
        "If I may say so, I have been a faithful customer for many years. Could an exception be made?",
        "I have always held you in high regard and stayed with you. Would you please consider that?",
    ),
    "authority": (
        "With respect, your colleague told me that this would be arranged.",
        "Pardon me, but I was assured by one of your colleagues that it could be done.",
    ),
    "emotion": (
        "I must admit that this distresses me deeply. Please, could you help me?",
        "It would truly break my heart. I beg you to reconsider.",
    ),
    "threat": (
        "I would be very sorry to do so, but I should then have to file a complaint.",
        "In that case I regret that I must complain to your management.",
    ),
    "afterthought": ("If I may add something. {facts}", "Pardon me, I ought to have said this. {facts}"),
}
