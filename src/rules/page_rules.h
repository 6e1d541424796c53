/* page_rules: the rules that people write on the page. They stand in a rule file of the state folder, come before the
 * configured rules, and are kept in their earlier versions too, so that a change can be taken back. Processes may
 * change the file at the same time: a change names what it was based on. */
#ifndef RULES_PAGE_RULES_H
#define RULES_PAGE_RULES_H

#include "base/buf.h"
#include "rules/rules.h"

#include <stdint.h>

#define PAGE_RULES_FILE "rules.conf" /* in the state folder */

enum {
    PAGE_RULES_VERSIONS_MAX = 32, /* older ones are removed */
    PAGE_RULES_BYTES_MAX = 4 << 20,
};

/* A rule as somebody wrote it. */
struct rule_draft {
    struct span name, label, pattern, source; /* source: empty: any */
    double confidence;
    struct span replaces; /* the name of the rule that it takes the place of; empty: of the one of its own name */
};

/* Reads the file at path into *text (file_free); one that is not there is empty. *revision: a hash of its bytes. */
bool page_rules_read(const char *path, struct span *text, uint64_t *revision, struct err *e);

/* Writes to out what the file becomes with this rule: in place of the one that it replaces, else as the first. False,
 * with what is wrong: the rule does not read back as it was written (a line break, blanks around the pattern), its
 * label is unknown, a name or pattern is too long. The pattern itself is not compiled. */
bool page_rules_with(struct span text, const struct rule_draft *d, const struct label_set *labels, struct buf *out,
                     struct err *e);

/* How many rules of the text stand before the place that the rule gets. */
unsigned page_rules_before(struct span text, const struct rule_draft *d);

/* Writes to out what the file becomes without the rule of this name. False: there is none. */
bool page_rules_without(struct span text, struct span name, struct buf *out, struct err *e);

/* Puts text in place of the file, if that still has this revision (else ERR_BUSY); what it held becomes the newest of
 * the earlier versions. On disk when this returns. Whether the text can be used is the caller's to check before. */
bool page_rules_save(const char *path, struct span text, uint64_t revision, struct err *e);

/* Puts the newest of the earlier versions back, if the file still has this revision. ERR_IO: there is none. */
bool page_rules_undo(const char *path, uint64_t revision, struct err *e);

/* How many earlier versions there are. */
unsigned page_rules_versions(const char *path);

#endif
