/* What C needs of sections: dead-stripping, bounds of sections, common symbols, weak references. */
/* target: x86_64-linux-gnu */
/* options: -O1 -ffunction-sections -fdata-sections -fcommon -fPIC */
/* define: outside=0x10100000 */

__attribute__((section("parts"), used)) static const long part_a = 11;
__attribute__((section("parts"), used)) static const long part_b = 22;
extern const long __start_parts[], __stop_parts[];
/* isthmus-check: *{8}section_addr(this, parts) = 11 */
/* isthmus-check: file_size(this, parts) = 16 */
const long *const bounds[] = {__start_parts, __stop_parts};
/* isthmus-check: *{8}bounds = section_addr(this, parts) */
/* isthmus-check: *{8}(bounds + 8) = section_addr(this, parts) + 16 */

int common_array[10];
int *const in_common = common_array + 3;
/* isthmus-check: *{8}in_common = common_array + 12 */

extern int missing __attribute__((weak));
int *const to_missing = &missing;
/* isthmus-check: *{8}to_missing = 0 */

extern void outside(void);
void (*const to_outside)(void) = outside;
/* isthmus-check: *{8}to_outside = outside */

/* Nobody refers to these: their unwind records go with them. What is left of .eh_frame is one common part, one function's record, the end. */
static int never(int n) __attribute__((noinline, unused));
static int never(int n) { return n * 3; }
int function(int n) { return n + 1; }
/* isthmus-check: *{4}(section_addr(this, .eh_frame) + file_size(this, .eh_frame) - 4) = 0 */
/* isthmus-check: *{4}section_addr(this, .eh_frame) + 4 + 4 = *{4}(section_addr(this, .eh_frame) + *{4}section_addr(this, .eh_frame) + 8) */
