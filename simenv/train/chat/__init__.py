"""Token episodes, codecs and chat families: how a conversation becomes tokens and back."""
