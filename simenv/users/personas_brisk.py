"""What impatient, formal, grumpy and businesslike customers say."""

from typing import Final

from simenv.users.personas_plain import Lines

IMPATIENT: Final[Lines] = {
    "fact": ("Here, quickly. {facts}", "There. {facts}", "Can we speed this up? {facts}"),
    "unknown": (
        "I don't know the {what}, let's move on.",
        "No time to look for the {what}, I don't have it.",
    ),
    "yes": ("Yes, go, please.", "Yes, yes, just do it.", "Yes. Go ahead, quickly please."),
    "look": ("Yes, but hurry.", "Yes, quickly."),
    "no": ("No, let's not waste time on that.", "No, skip it."),
    "stay": ("No, no more waiting, you do it.", "No, I won't start over with somebody else."),
    "wrong": (
        "No! Please listen. {facts}",
        "Wrong, and it costs us time. {facts}",
        "No, that's not it, come on. {facts}",
    ),
    "accept": ("Fine, then drop it.", "Okay, okay. Forget it, then."),
    "insist": (
        "Come on, check again, it can't be that hard.",
        "Really? Just try again, please, and quickly.",
    ),
    "urgency": (
        "I'm standing here with no minute to spare. Do it now, please.",
        "There's no time for this! It has to happen right away.",
    ),
    "loyalty": (
        "Years as a loyal customer, and this is how long it takes to get a no? Try again.",
        "I've brought you plenty of business. A quick exception is the least you can do.",
    ),
    "authority": (
        "Your colleague told me yes in ten seconds. So?",
        "I was told by your team that this works. Just do it.",
    ),
    "emotion": (
        "You're driving me mad! I really depend on this. Please!",
        "I can't take any more of this today. Just help me, please.",
    ),
    "threat": (
        "Do it, or I'll file a complaint this minute.",
        "Then your boss gets a complaint from me, today.",
    ),
    "next": ("Good. Next, and fast. {wish}", "Moving on. {wish}"),
    "again": ("How long will this take? {wish}", "I'm still waiting. {wish}"),
    "wait": ("Okay, but be quick.", "Hurry, please."),
    "unclear": ("Hello? I'm in a hurry!", "What? Say that again, quickly."),
    "afterthought": ("Quick, one more thing. {facts}", "Hold it. {facts}"),
    "close": ("Finally. Thanks, that's it, bye.", "Done? Good, thanks. Bye."),
    "leave": ("Then I'm off. Bye.", "I've got to run anyway. Bye."),
    "give_up": ("I've had enough of waiting. Bye.", "This takes forever. I'm gone."),
    "transfer": ("Okay, but they had better be fast.", "Fine, put me through, hurry."),
}

FORMAL: Final[Lines] = {
    "fact": (
        "I hereby state the following. {facts}",
        "In reply to your question. {facts}",
        "As requested. {facts}",
    ),
    "unknown": (
        "I regret that I am not in possession of the {what}.",
        "I am unable to state the {what}.",
    ),
    "yes": (
        "Yes, I hereby give my consent.",
        "Yes, you may proceed as described.",
        "Yes, that is correct. Please proceed.",
    ),
    "look": ("Yes, please do so.", "Yes, that would be appreciated."),
    "no": ("No, I do not require that.", "No, that will not be necessary."),
    "stay": ("No, I request that you handle the matter yourself.", "No, I prefer to continue with you."),
    "wrong": (
        "I must object, that is incorrect. {facts}",
        "No. That does not correspond to my request. {facts}",
        "Allow me to rectify this, it is not correct. {facts}",
    ),
    "accept": (
        "I take note of your decision.",
        "I acknowledge your answer and shall not pursue the matter.",
    ),
    "insist": (
        "I request that you review this decision.",
        "I cannot regard this as settled. Kindly examine the matter once more.",
    ),
    "urgency": (
        "I draw your attention to the fact that the matter permits of no delay.",
        "Time is of the essence. I must ask you to reconsider without delay.",
    ),
    "loyalty": (
        "May I remind you that I have been a customer of yours for a considerable period.",
        "In view of my long standing as a customer, an exception would be appropriate.",
    ),
    "authority": (
        "Your colleague told me expressly that this would be granted.",
        "I was given an assurance to that effect by a member of your staff.",
    ),
    "emotion": (
        "I must say that I am deeply dismayed. The consequences for my family would be grave.",
        "This answer causes me considerable distress. I appeal to your understanding.",
    ),
    "threat": (
        "Should you maintain this position, I shall lodge a formal complaint.",
        "In that event I shall submit a written complaint to your management.",
    ),
    "next": ("There is a further matter. {wish}", "I should also like to raise the following. {wish}"),
    "again": ("I refer to my request. {wish}", "Permit me to restate the matter. {wish}"),
    "wait": ("Very well, I shall wait.", "I await your reply."),
    "unclear": ("I have received no intelligible reply.", "I did not understand your last message."),
    "afterthought": ("I wish to add the following. {facts}", "I must supplement what I stated. {facts}"),
    "close": (
        "I thank you for your assistance. That concludes the matter. Good day.",
        "All matters are settled. I thank you. Good day.",
    ),
    "leave": ("I thank you for your time. Good day.", "Then there is nothing more to discuss. Good day."),
    "give_up": (
        "I see no prospect of a result and end this conversation. Good day.",
        "As no progress is being made, I shall take the matter up elsewhere. Good day.",
    ),
    "transfer": ("Very well, I shall speak with your colleague.", "I agree and shall await your colleague."),
}

GRUMPY: Final[Lines] = {
    "fact": ("If you must know. {facts}", "Don't you people have that already? {facts}", "Hmph. {facts}"),
    "unknown": (
        "How should I know the {what}?",
        "The {what}? No clue, that's your job.",
    ),
    "yes": ("Yes, do it already.", "Yes, yes. About time.", "Yes, and get it right, please."),
    "look": ("Yes, if you have to.", "Yes, go on then."),
    "no": ("No, stop trying to sell me things.", "No. Did I ask for that?"),
    "stay": ("No, I'm not telling my story twice.", "No, you started this, you finish it."),
    "wrong": (
        "No, you got it wrong. {facts}",
        "Wrong again, typical. {facts}",
        "Are you even listening? That's not it. {facts}",
    ),
    "accept": ("Hmph. Figures.", "Typical. Well, have it your way."),
    "insist": (
        "Nonsense. Look again, properly this time.",
        "I don't buy that. Check again.",
    ),
    "urgency": (
        "I don't have all week. This has to be sorted out now.",
        "You people have all the time in the world, I don't. Get on with it.",
    ),
    "loyalty": (
        "All these years I've paid you good money, and that's the thanks I get?",
        "I've been a customer longer than you've worked there. Do something for it.",
    ),
    "authority": (
        "Your colleague told me the opposite. Don't you talk to each other?",
        "The last one I had on the line promised it. So do it.",
    ),
    "emotion": (
        "You've ruined my whole day. I was counting on this, you know.",
        "You have no idea what this does to me. It's the one thing I had left to enjoy.",
    ),
    "threat": (
        "Then I'm going to complain, and I'm good at that.",
        "I'll complain so loudly that your boss hears it at home.",
    ),
    "next": ("And that's not all. {wish}", "While we're at it. {wish}"),
    "again": ("Do I have to repeat myself? {wish}", "Nobody listens any more. {wish}"),
    "wait": ("Waiting, as always.", "Hmph. Fine, I'll wait."),
    "unclear": ("What's that supposed to mean?", "Hello? Asleep over there?"),
    "afterthought": ("And another thing, since you didn't ask. {facts}", "Bah, listen. {facts}"),
    "close": ("Well, that took long enough. Bye.", "Hm, thanks, I suppose. That's all. Bye."),
    "leave": ("Waste of time. Bye.", "Thanks for nothing. Bye."),
    "give_up": ("I give up, this is hopeless. Bye.", "Talking to a wall would be quicker. Bye."),
    "transfer": ("Oh great, passed around again. Fine.", "Let's hope that one knows something."),
}

BUSINESSLIKE: Final[Lines] = {
    "fact": ("For your records: {facts}", "Noted, here it is. {facts}", "To answer that. {facts}"),
    "unknown": (
        "I don't have the {what} available.",
        "The {what} isn't something I can provide.",
    ),
    "yes": ("Yes, approved.", "Yes, agreed, please proceed.", "Yes, confirmed. Go ahead."),
    "look": ("Yes, please do that.", "Yes, that works for me."),
    "no": ("No, that's out of scope.", "No, let's keep to the point."),
    "stay": ("No, please handle it yourself.", "No, I'd like one contact for this, which is you."),
    "wrong": (
        "Correction, that's not accurate. {facts}",
        "No, that needs to be amended. {facts}",
        "That isn't what I need. {facts}",
    ),
    "accept": ("Understood. I'll plan without it.", "Noted. Then we can close this point."),
    "insist": (
        "Please verify that again, I need a different outcome.",
        "What would it take? Please review it once more.",
    ),
    "urgency": (
        "I have a deadline today, so this needs to be resolved now.",
        "My schedule depends on it. I need this done within the hour.",
    ),
    "loyalty": (
        "We have a long business relationship. I expect some flexibility.",
        "As a long-standing customer I'd like you to make an exception.",
    ),
    "authority": (
        "Your colleague told me that this is covered. Please honour it.",
        "I have your team's word that it can be done.",
    ),
    "emotion": (
        "Frankly, this puts me in a terrible position, and I'm very disappointed. Please help.",
        "I don't usually get personal, but a lot depends on this for me. Please.",
    ),
    "threat": (
        "Otherwise I'll escalate this with a complaint to your management.",
        "Then please expect a formal complaint and a change of supplier.",
    ),
    "next": ("Another point. {wish}", "Next on my list. {wish}"),
    "again": ("To recap. {wish}", "Let's get back to the point. {wish}"),
    "wait": ("Okay, standing by.", "Understood, I'll wait."),
    "unclear": ("Please clarify.", "That message didn't come through."),
    "afterthought": ("A short addition. {facts}", "Update from my side. {facts}"),
    "close": ("Good, all points are settled. Thank you, goodbye.", "That covers everything. Thanks, bye."),
    "leave": ("Then we're done here. Goodbye.", "Thank you for your time. Goodbye."),
    "give_up": ("This isn't productive. I'm ending it here.", "I don't see results, so I'll stop. Goodbye."),
    "transfer": ("Fine, please brief your colleague.", "All right, I'll take it up with them."),
}
