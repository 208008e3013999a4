// Switch: an interpreter of byte code that counts primes.
static class Interpreter
{
    const byte Push = 0, Load = 1, Store = 2, Add = 3, Sub = 4, Mul = 5, Rem = 6, Less = 7, IfZero = 8, Jump = 9, Halt = 10, Dup = 11, Pop = 12;

    // Counts the primes below local 0 in local 1.
    static readonly byte[] program = {
        Push, 2, Store, 2,                                  //  0  n = 2
        Load, 2, Load, 0, Less, IfZero, 55,                 //  4  while n < limit
        Push, 2, Store, 3,                                  // 11  d = 2
        Load, 3, Dup, Mul, Load, 2, Push, 1, Add, Less,     // 15  while d * d < n + 1
        IfZero, 41,                                         // 25
        Load, 2, Load, 3, Rem, IfZero, 48,                  // 27  if n % d == 0: not prime
        Load, 3, Push, 1, Add, Jump, 13,                    // 34  d = d + 1 (13 stores it)
        Load, 1, Push, 1, Add, Store, 1,                    // 41  count++
        Load, 2, Push, 1, Add, Jump, 2,                     // 48  n = n + 1 (2 stores it)
        Halt,                                               // 55
    };

    static int Run(byte[] code, int limit)
    {
        int[] stack = new int[16], locals = new int[4];
        locals[0] = limit;
        int sp = 0, pc = 0;
        while (true)
        {
            switch (code[pc++])
            {
                case Push: stack[sp++] = code[pc++]; break;
                case Load: stack[sp++] = locals[code[pc++]]; break;
                case Store: locals[code[pc++]] = stack[--sp]; break;
                case Add: sp--; stack[sp - 1] += stack[sp]; break;
                case Sub: sp--; stack[sp - 1] -= stack[sp]; break;
                case Mul: sp--; stack[sp - 1] *= stack[sp]; break;
                case Rem: sp--; stack[sp - 1] %= stack[sp]; break;
                case Less: sp--; stack[sp - 1] = stack[sp - 1] < stack[sp] ? 1 : 0; break;
                case IfZero: pc = stack[--sp] == 0 ? code[pc] : pc + 1; break;
                case Jump: pc = code[pc]; break;
                case Dup: stack[sp] = stack[sp - 1]; sp++; break;
                case Pop: sp--; break;
                default: return locals[1];
            }
        }
    }

    static long Work() { return Run(program, 12000); }

    static int Main() { return Bench.Run("interpreter", Work); }
}
