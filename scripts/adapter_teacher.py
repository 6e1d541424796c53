"""Lines without a label, and what several encoders say of them together: a part of scripts/train-adapter.

Different encoders err differently, so that they are right more often together than each alone; a small one that learns their
answers on many lines gets most of that at no cost when it runs. The lines are made of the corpus: under the source of another
system, cut short, or two of them joined into one, where no label of the corpus would hold but the encoders have an opinion.
"""
import torch

OTHER_SOURCE, NO_SOURCE, SHORT, JOINED = 0.35, 0.2, 0.1, 0.2       # shares of the lines; the rest are drawn as they are
JOINTS = (': ', '; ', ' - ', ', ', ' (', ' because ')
JOINED_MAX = 160        # characters of each half
HEAD_LINES = 12000      # that a teacher's head is fitted to


class Teachers:
    """The adapter to go on from, and other encoders with adapters of their own. Each has a head fitted to the corpus."""

    def __init__(self, trainer, adapted, vary):
        o = trainer.o
        self.t, self.vary = trainer, vary
        self.sources = sorted({s for x in trainer.lines for s in x.sources})
        self.encoders = [adapted(folder, adapter) for folder, adapter in [(o.model, o.init), *o.teacher]]
        self.heads = [self.fit(encoder) for encoder in self.encoders]

    def join(self):
        rng, values = self.t.rng, self.t.values
        a, b = rng.choice(self.t.lines), rng.choice(self.t.lines)
        left, right = values.expand(a.text, rng), values.expand(b.text, rng)
        if rng.random() < 0.5:
            words, more = left.split(' '), right.split(' ')
            text = ' '.join(words[:rng.randint(1, max(1, len(words) - 1))] + more[rng.randint(0, max(0, len(more) - 2)):])
        else:
            text = left[:JOINED_MAX] + rng.choice(JOINTS) + right[:JOINED_MAX]
        return rng.choice(a.sources or ['']), text

    def draw(self):
        rng = self.t.rng
        kind = rng.random()
        if kind < JOINED:
            return self.join()
        source, text = self.vary(rng.choice(self.t.lines), self.t.values, self.t.prefixes, rng)
        if kind < JOINED + OTHER_SOURCE:
            source = rng.choice(self.sources)
        elif kind < JOINED + OTHER_SOURCE + NO_SOURCE:
            source = ''
        elif kind < JOINED + OTHER_SOURCE + NO_SOURCE + SHORT:
            text = ' '.join(text.split(' ')[:rng.randint(3, 7)])
        return source, text

    def fit(self, encoder):
        head = torch.nn.Linear(self.t.head.in_features, self.t.head.out_features)
        some = self.t.rng.sample(range(len(self.t.lines)), min(HEAD_LINES, len(self.t.lines)))
        drawn = [self.vary(self.t.lines[i], self.t.values, self.t.prefixes, self.t.rng) for i in some]
        self.t.fit(head, self.t.embed(encoder, self.t.tokens(drawn, encoder)), torch.tensor([self.t.lines[i].ops for i in some]))
        return head

    @torch.no_grad()
    def lines(self, n):
        """n pairs of source and message, and their probabilities: the mean of what all say."""
        pairs = [self.draw() for _ in range(n)]
        said = [torch.softmax(head(self.t.embed(encoder, self.t.tokens(pairs, encoder))), 1)
                for encoder, head in zip(self.encoders, self.heads)]
        return pairs, sum(said) / len(said)
