/* Two versions of a function; those who name none get the second. */
int answer_1(void) { return 1; }
int answer_2(void) { return 2; }
__asm__(".symver answer_1, answer@FIRST");
__asm__(".symver answer_2, answer@@SECOND");
