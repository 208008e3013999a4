# Every x86-64 relocation that assemblers make, with what must be in memory after the link.
# target: x86_64-linux-gnu
# define: far=0x7f0000001000
# define: near=0x10100000

        .text
        .globl  start
        .type   start, @function
start:
# A function outside of the graph, in reach: the stub is bypassed.
call_near:
        call    near@PLT
# isthmus-check: (*{4}(call_near + 1) + call_near + 5)[31:0] = near

# Out of reach: the stub jumps through the word.
call_far:
        call    far@PLT
# isthmus-check: (*{4}(call_far + 1) + call_far + 5)[31:0] = stub_addr(this, far)[31:0]
# isthmus-check: *{2}stub_addr(this, far) = 0x25ff
# isthmus-check: (*{4}(stub_addr(this, far) + 2) + stub_addr(this, far) + 6)[31:0] = got_addr(this, far)[31:0]
# isthmus-check: *{8}got_addr(this, far) = far

# Loads of addresses become computations of addresses where they can.
load_near:
        movq    near@GOTPCREL(%rip), %rax
# isthmus-check: *{2}(load_near + 1) = 0x058d
# isthmus-check: (*{4}(load_near + 3) + load_near + 7)[31:0] = near
load_far:
        movq    far@GOTPCREL(%rip), %rax
# isthmus-check: *{2}(load_far + 1) = 0x058b
# isthmus-check: (*{4}(load_far + 3) + load_far + 7)[31:0] = got_addr(this, far)[31:0]
indirect_near:
        call    *near@GOTPCREL(%rip)
# isthmus-check: *{2}indirect_near = 0xe867
# isthmus-check: (*{4}(indirect_near + 2) + indirect_near + 6)[31:0] = near
jump_near:
        jmp     *near@GOTPCREL(%rip)
# isthmus-check: *{1}jump_near = 0xe9
# isthmus-check: (*{4}(jump_near + 1) + jump_near + 5)[31:0] = near
# isthmus-check: *{1}(jump_near + 5) = 0x90
indirect_far:
        call    *far@GOTPCREL(%rip)
# isthmus-check: *{2}indirect_far = 0x15ff
        .size   start, .-start

# Near references.
        leaq    datum(%rip), %rcx
near_end:
# isthmus-check: (*{4}(near_end - 4) + near_end)[31:0] = datum[31:0]
        movl    $datum, %ecx
absolute_end:
# isthmus-check: *{4}(absolute_end - 4) = datum
        movq    $datum + 8, %rcx
signed_end:
# isthmus-check: *{4}(signed_end - 4) = datum + 8
        leaq    _GLOBAL_OFFSET_TABLE_(%rip), %rbx
table_end:
# isthmus-check: (*{4}(table_end - 4) + table_end)[31:0] = section_addr(this, $GOT)[31:0]
        movabsq $datum@GOTOFF, %rcx
offset_end:
# isthmus-check: *{8}(offset_end - 8) = datum - section_addr(this, $GOT)
        movl    $datum@SIZE, %eax
size_end:
# isthmus-check: *{4}(size_end - 4) = 24

# Thread-local variables: 2 homes are there, at distances 16 and up from the thread pointer.
        movl    %fs:variable@tpoff, %eax
local_exec_end:
# isthmus-check: *{4}(local_exec_end - 4) = 16 + 8
        movq    variable@gottpoff(%rip), %rax
initial_exec_end:
# isthmus-check: *{8}((*{4}(initial_exec_end - 4) + initial_exec_end)[31:0]) = 16 + 8
general_dynamic:
        .byte   0x66
        leaq    variable@tlsgd(%rip), %rdi
        .value  0x6666
        rex64
        call    __tls_get_addr@PLT
# isthmus-check: *{8}((*{4}(general_dynamic + 4) + general_dynamic + 8)[31:0] + 8) = 8
local_dynamic:
        leaq    variable@tlsld(%rip), %rdi
        call    __tls_get_addr@PLT
        leaq    variable@dtpoff(%rax), %rax
dtpoff_end:
# isthmus-check: *{8}((*{4}(local_dynamic + 3) + local_dynamic + 7)[31:0] + 8) = 0
# isthmus-check: *{4}(dtpoff_end - 4) = 8
        ret

        .data
        .globl  datum
        .type   datum, @object
datum:
        .quad   start + 1
# isthmus-check: *{8}datum = start + 1
        .quad   datum - .
# isthmus-check: *{8}(datum + 8) = 0 - 8
        .long   start - .
# isthmus-check: (*{4}(datum + 16) + datum + 16)[31:0] = start[31:0]
        .long   start@PLT - .
        .size   datum, .-datum
        .section .rodata
        .long   far@GOTPCREL

        .section .tdata, "awT", @progbits
        .quad   1
variable:
        .long   7
