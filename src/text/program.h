/* program: the trade of the program that wrote a line, by the name that it logs under. A small encoder does not know
 * that "nextflow" runs workflows and "barman" makes backups, and by the guide the same fault is labelled by whose it
 * is. */
#ifndef TEXT_PROGRAM_H
#define TEXT_PROGRAM_H

#include "base/span.h"

#include <stdint.h>

enum { PROGRAM_NAME_MAX = 130 }; /* bytes of a text in which its source ends */

/* The trade of the program that a template's source ("SOURCE: MESSAGE") names, such as "database", or an empty span. A
 * source has no blanks and ends at the first ": "; "org.apache." in front of it is passed over. Looked up are the whole
 * of it, whether a part of it says "backup", its parts between signs other than '_' and '+', the first that is known,
 * and then what else a part says by itself ("ordersdb"). Static; pure. */
struct span program_trade(struct span text);

/* Of all that program_trade decides by, for the hash of an encoder that reads it. */
uint64_t program_hash(void);

#endif
