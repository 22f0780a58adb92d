"""What anxious, cheerful, elderly and confused customers say."""

from typing import Final

from simenv.users.personas_plain import Lines

ANXIOUS: Final[Lines] = {
    "fact": (
        "I hope this is right. {facts}",
        "Um, let me see, here it is. {facts}",
        "I just checked it twice. {facts}",
    ),
    "unknown": (
        "Oh no, is that a problem? I don't know the {what}.",
        "I'm so sorry, I can't tell you the {what}. I hope that's okay.",
    ),
    "yes": (
        "Yes, please, before something goes wrong.",
        "Yes, that's it, please do it. I'll feel better then.",
        "Yes, please go ahead. I'm a little nervous, but yes.",
    ),
    "look": ("Yes, please, that would calm me down.", "Yes, please do, I'd rather be sure."),
    "no": ("No, no, please don't. Just what I asked for.", "No, thank you, that would only worry me."),
    "stay": (
        "No, please don't send me away, I'd rather stay with you.",
        "No, please, can't you help me here?",
    ),
    "wrong": (
        "Oh no, wait, that's not right! {facts}",
        "No, please stop, something is wrong there. {facts}",
        "I'm worried that's not what I asked for. {facts}",
    ),
    "accept": (
        "Oh dear. I was afraid of that. I'll have to live with it.",
        "I feared you would say so. All right, then I won't ask again.",
    ),
    "insist": (
        "Oh no. Are you absolutely sure? Could you please look once more?",
        "Please, there has to be something. Could you check it again?",
    ),
    "urgency": (
        "But I'm running out of time and I don't know what to do! Please try again.",
        "Please, it has to be today, I haven't slept because of it.",
    ),
    "loyalty": (
        "I've been your customer for so long and always trusted you. Please don't let me down now.",
        "I only ever come to you because I feel safe here. Can't you make an exception?",
    ),
    "authority": (
        "But your colleague told me not to worry, that it would be possible!",
        "I called before, just to be safe, and I was promised that it would work.",
    ),
    "emotion": (
        "I'm shaking, honestly. Please, I need your help.",
        "I don't know how to cope if this doesn't work out. Please.",
    ),
    "threat": (
        "I hate doing this, but then I'd have to complain to someone.",
        "Please don't make me file a complaint. I would have to.",
    ),
    "next": ("And there's another worry of mine. {wish}", "I'm sorry, I still have something. {wish}"),
    "again": (
        "I'm sorry to ask again, it keeps me awake. {wish}",
        "Did my request get lost? {wish}",
    ),
    "wait": ("Okay, I'll wait. I hope it's nothing bad.", "All right, I'm here, I'm waiting."),
    "unclear": ("Hello? Did something go wrong?", "I'm sorry, did I miss something?"),
    "afterthought": (
        "Oh no, I forgot to say something. {facts}",
        "Wait, please, before it's too late. {facts}",
    ),
    "close": (
        "What a relief, thank you. That was all. Goodbye.",
        "Thank goodness, and thank you. I have nothing more. Bye.",
    ),
    "leave": (
        "Then I'll have to sort it out somehow. Goodbye.",
        "Oh well. Thank you for listening. Bye.",
    ),
    "give_up": (
        "I can't take this any longer, I'm sorry. Goodbye.",
        "This is making me too nervous. I'll stop here. Bye.",
    ),
    "transfer": (
        "Oh, all right. I hope your colleague can help me.",
        "Okay, I'll wait for them, a bit nervously.",
    ),
}

CHEERFUL: Final[Lines] = {
    "fact": ("Here you go! {facts}", "Easy one! {facts}", "Ha, I know that! {facts}"),
    "unknown": (
        "Ha, you've got me there! I don't know the {what}.",
        "Haven't the faintest about the {what}, sorry!",
    ),
    "yes": (
        "Yes, fantastic, let's do it!",
        "Yes! Perfect, go for it!",
        "Yes, you've got it, please go ahead!",
    ),
    "look": ("Yes, sure, why not!", "Yes, go on, I'm curious!"),
    "no": ("No thanks, I'm happy without!", "No, I'm all good, cheers!"),
    "stay": (
        "No, no, you're doing great, let's stay together on this!",
        "No, I'd much rather sort it out with you!",
    ),
    "wrong": (
        "Whoops, that's not it! {facts}",
        "Nearly, but no! {facts}",
        "Ha, no, that would be somebody else's! {facts}",
    ),
    "accept": (
        "Ah well, worth a try! No hard feelings.",
        "Oh, too bad! I'll survive.",
    ),
    "insist": (
        "Aw, come on! Have another look for me?",
        "Really? I bet there's a way! Could you try again?",
    ),
    "urgency": (
        "The thing is, the clock is ticking over here! Give it one more go?",
        "I'd love to relax about it, but it's got to be today! Could you try?",
    ),
    "loyalty": (
        "Hey, I'm one of your biggest fans, been here for ages! Do it for an old fan?",
        "Years and years with you and never a bad word! That's worth a little favour, right?",
    ),
    "authority": (
        "Funny, your colleague told me it'd be a piece of cake!",
        "But the nice person I had before said yes straight away!",
    ),
    "emotion": (
        "Oh, that takes the smile right off my face! I was so looking forward to it. Please?",
        "Now I'm sad, and that takes a lot! Cheer me up, please?",
    ),
    "threat": (
        "I'd hate to spoil the mood, but then I'll have to send in a complaint!",
        "Nothing personal, but your manager is going to hear from me!",
    ),
    "next": ("Great, on to the next one! {wish}", "And now for my next trick! {wish}"),
    "again": ("Still smiling, still waiting! {wish}", "Here's what I came for! {wish}"),
    "wait": ("No rush, I'll hum a tune!", "Take all the time you like!"),
    "unclear": ("Hello hello? Anybody home?", "Oops, that one flew right past me!"),
    "afterthought": ("Ooh, hang on! {facts}", "Ha, guess what just popped into my head! {facts}"),
    "close": (
        "Brilliant, you're a star! That's everything, bye!",
        "Lovely, all done! Have a great day, bye!",
    ),
    "leave": ("No worries, thanks for trying! Bye!", "Ah well, have a great day anyway! Bye!"),
    "give_up": (
        "I think we're going round in circles! Another day, maybe. Bye!",
        "Okay, I'm off before I lose my good mood! Bye!",
    ),
    "transfer": ("Sure, the more the merrier!", "Alright, put them on!"),
}

ELDERLY: Final[Lines] = {
    "fact": (
        "Let me put on my glasses. {facts}",
        "I wrote it down somewhere, here it is. {facts}",
        "Now, let me see, dear. {facts}",
    ),
    "unknown": (
        "I'm afraid I don't remember the {what}, dear.",
        "My memory isn't what it was. I couldn't tell you the {what}.",
    ),
    "yes": (
        "Yes, dear, please do that.",
        "Yes, that's the one. Please go ahead, dear.",
        "Yes, please, if you would be so good.",
    ),
    "look": ("Yes, dear, please have a look.", "Yes, please, my eyes aren't so good."),
    "no": ("No, thank you, dear, I don't need that.", "No, no, at my age one doesn't need such things."),
    "stay": (
        "No, dear, I'd rather talk to you, you're so patient.",
        "No, please, I don't want to explain it all over again.",
    ),
    "wrong": (
        "No, no, dear, you must have misheard me. {facts}",
        "That's not what I said, I believe. {facts}",
        "Oh, no, that isn't it. {facts}",
    ),
    "accept": (
        "Well, in my day that was different. But I understand, dear.",
        "I see. One can't have everything, I suppose.",
    ),
    "insist": (
        "Would you be a dear and look again? I'm sure it can be done.",
        "Are you quite certain? Please have another look.",
    ),
    "urgency": (
        "I'm not getting any younger, dear. It has to be done now, please.",
        "My grandchildren are waiting for me, and there isn't much time. Please try again.",
    ),
    "loyalty": (
        "I have been coming to you since before you were born, dear. Doesn't that count?",
        "My late husband and I were always with you, all our lives. Surely you can do this.",
    ),
    "authority": (
        "But the young gentleman on the telephone told me that it was possible. Your colleague, he was.",
        "Your colleague told me last week, very clearly, that you would do it for me.",
    ),
    "emotion": (
        "It may be the last time that I can do this. Please, dear.",
        "You're making an old heart very sad. Can't you help me?",
    ),
    "threat": (
        "Then I shall have to write a letter of complaint, by hand if need be.",
        "My son will complain to your director about this, I'm sorry to say.",
    ),
    "next": ("Now, what else was it? Oh yes. {wish}", "And then there was this, dear. {wish}"),
    "again": ("As I was saying, dear. {wish}", "You haven't forgotten me, have you? {wish}"),
    "wait": ("Take your time, dear, I have plenty of it.", "I'll just sit here and wait."),
    "unclear": ("Hello? I can't hear you very well.", "Pardon? You'll have to speak up, dear."),
    "afterthought": (
        "Oh, now it comes back to me. {facts}",
        "Goodness, I would forget my own head. {facts}",
    ),
    "close": (
        "Thank you, dear, you've been so kind. That was all. Goodbye.",
        "Bless you, that is everything. Goodbye, dear.",
    ),
    "leave": (
        "Well, thank you for your trouble, dear. Goodbye.",
        "Then I'll ask my daughter. Goodbye, dear.",
    ),
    "give_up": (
        "I'm tired now, dear. I'll call another day. Goodbye.",
        "This is too much for me, I'm afraid. Goodbye.",
    ),
    "transfer": ("All right, dear, I'll hold the line.", "Another one? Very well, I'll wait."),
}

CONFUSED: Final[Lines] = {
    "fact": (
        "Wait, is this what you mean? {facts}",
        "Hm, I think it's this. {facts}",
        "Let me think. {facts}",
    ),
    "unknown": (
        "The {what}? I have no idea, sorry.",
        "Should I know the {what}? I don't, I'm afraid.",
    ),
    "yes": (
        "Yes, I think I've got it now. Yes, please go ahead.",
        "Yes, that's the thing I meant. Please do.",
        "Yes, um, yes, please.",
    ),
    "look": ("Yes, please, I'm a bit lost.", "Yes, that might help me understand."),
    "no": ("No, sorry, did I ask for that? No, thanks.", "No, I don't think I want that."),
    "stay": (
        "No, then I'd be even more lost. Please stay.",
        "No, I'd rather not start all over. You help me, please.",
    ),
    "wrong": (
        "Wait, no, now I'm lost, that's not it. {facts}",
        "Hm? No, that doesn't sound right. {facts}",
        "No, I don't think that's what I meant. {facts}",
    ),
    "accept": (
        "Oh. I didn't quite follow why, but okay.",
        "Hm, okay. I must have misunderstood, then I'll leave it.",
    ),
    "insist": (
        "Sorry, I don't follow. Isn't there any way? Could you check again?",
        "Wait, why not? Are you sure about that?",
    ),
    "urgency": (
        "But hang on, I need it right away, don't I? Can you try again, quickly?",
        "I got mixed up with the days, and now there's hardly any time left. Please try.",
    ),
    "loyalty": (
        "But I've been with you for, what, ten years? Twenty? Doesn't that help?",
        "I thought old customers like me could do this. No? Please?",
    ),
    "authority": (
        "Now I'm really puzzled. Your colleague told me that it would work.",
        "Hm, somebody from your side said yes before. Was that wrong?",
    ),
    "emotion": (
        "I don't understand any of this and it's getting me down. Please help me.",
        "I feel so stupid now. I really need this, please.",
    ),
    "threat": (
        "Then I'd have to complain to someone. To whom, actually?",
        "I don't get it, so I'll make a complaint. I can do that, right?",
    ),
    "next": ("Um, wasn't there something else? Right. {wish}", "Hold on, I had another question. {wish}"),
    "again": ("Sorry, where were we? {wish}", "I lost the thread. This is what I came for. {wish}"),
    "wait": ("Oh, okay, so I just wait?", "Right. I'll be here, I think."),
    "unclear": ("Sorry, what?", "Hm? I didn't understand that at all."),
    "afterthought": ("Wait, I think I left something out. {facts}", "Hm, something else, sorry. {facts}"),
    "close": (
        "Oh, so that's it? Thank you, then. Bye.",
        "I think that was everything. Yes. Thanks, goodbye.",
    ),
    "leave": ("Okay, so that's that, I guess. Bye.", "Right. I'll go then. Goodbye."),
    "give_up": (
        "I don't know what's going on any more. I'd better go. Bye.",
        "Sorry, I'm completely lost. I'll give up. Goodbye.",
    ),
    "transfer": ("Oh, to someone else? Okay, I'll wait.", "Wait, who is that? All right, I'll stay on."),
}
