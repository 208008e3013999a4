// A loop around a switch that runs while other threads make the collector stop it.
using System;
using System.Threading;

static class Program
{
    static volatile bool done;

    sealed class Node { public int Value; public Node Next; }

    // Byte code: keeps a list of the last few results alive in a local.
    static long Run(byte[] code, int rounds)
    {
        Node list = null;
        int[] stack = new int[8];
        int sp = 0, pc = 0, kept = 0;
        long sum = 0;
        while (true)
        {
            switch (code[pc++])
            {
                case 0: stack[sp++] = code[pc++]; break;
                case 1: sp--; stack[sp - 1] += stack[sp]; break;
                case 2: sp--; stack[sp - 1] *= stack[sp]; break;
                case 3: sum += stack[--sp]; break;
                case 4: if (--rounds > 0) pc = 0; break;
                case 5: list = new Node { Value = rounds & 7, Next = list }; if (++kept == 100) { list = null; kept = 0; } break;
                case 6: for (Node n = list; n != null; n = n.Next) sum += n.Value; break;
                case 7: return sum;
                default: throw new InvalidOperationException();
            }
        }
    }

    static int Main()
    {
        Thread collector = new Thread(() => { while (!done) { GC.Collect(); Thread.Yield(); } });
        collector.Start();
        byte[] code = { 0, 2, 0, 3, 2, 0, 1, 1, 3, 5, 6, 4, 7 };
        long first = Run(code, 20000), second = Run(code, 20000);
        try
        {
            Run(new byte[] { 0, 1, 9 }, 1);
        }
        catch (InvalidOperationException)
        {
            first++;
        }
        try
        {
            Run(new byte[] { 0, 1, 3, 3 }, 1);
        }
        catch (IndexOutOfRangeException)
        {
            second++;
        }
        done = true;
        collector.Join();
        Console.WriteLine("{0} {1}", first, second);
        return 0;
    }
}
