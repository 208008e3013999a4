// Loops that a tiered VM replaces while they run: whatever state a frame can have at a loop's header has to survive.
using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Runtime.CompilerServices;

class LoopsReplaced
{
    struct Big { public long A, B, C, D, E; public object O; }
    struct Pair { public int X; public string S; }

    class Failure<T> : Exception { public Failure(string message) : base(message) { } }

    [MethodImpl(MethodImplOptions.NoInlining)] static void Bump(ref int x) { x += 3; }
    [MethodImpl(MethodImplOptions.NoInlining)] static void Fail(int at, int i) { if (at == i) throw new InvalidOperationException("at " + i); }

    // Variables whose address is taken before and within the loop.
    static int Addresses(int n)
    {
        int a = 1, b = 2;
        ref int r = ref b;
        for (int i = 0; i < n; i++) { Bump(ref a); r += a; Bump(ref r); }
        return a * 1000 + b;
    }

    static unsafe int Pointers(int n)
    {
        int* block = stackalloc int[8];
        int[] array = { 1, 2, 3, 4, 5 };
        int sum = 0;
        fixed (int* p = array)
        {
            for (int i = 0; i < n; i++) { block[i & 7] += p[i % 5]; sum += block[i & 7]; GC.KeepAlive(new object()); }
        }
        return sum;
    }

    // Arguments in registers and on the stack, of every kind, changed in the loop.
    static string Kinds(sbyte a, byte b, short c, ushort d, char e, int f, uint g, long h, float i, double j, string k, bool l, Pair m, Big n, decimal o)
    {
        for (int t = 0; t < 40; t++)
        {
            a += 7; b += 9; c -= 1000; d += 3000; e++; f ^= t; g *= 3; h -= f; i *= 1.5f; j /= 1.25; l = !l;
            m.X += t; m.S += (char)('a' + t % 26); n.C += m.X; n.E ^= n.C; n.O = k; o += 0.5m;
            if (i > 100) { i = 1; k += l ? "+" : "-"; }
        }
        return a + " " + b + " " + c + " " + d + " " + (int)e + " " + f + " " + g + " " + h + " " + (long)(i * 1000) + " " + (long)(j * 1e9) + " " + k + " " + l
            + " " + m.X + m.S + " " + n.A + n.C + n.E + ((string)n.O == k) + " " + o;
    }

    // Results: a buffer, two registers, a float.
    static Big Buffer(int n) { Big b = new Big(); for (int i = 0; i < n; i++) { b.A += i; b.E -= b.A; b.O = i.ToString(); } return b; }
    static Pair Two(int n) { Pair p = new Pair(); while (p.X < n) { p.X++; p.S = p.X + "!"; } return p; }
    static double Float(int n) { double d = 0; do d += 1.0 / n; while (--n > 0); return d; }
    static float Single(float f) { for (int i = 0; i < 20; i++) f = f * 0.5f + i; return f; }

    static int Nested(int n)
    {
        int sum = 0;
        for (int i = 0; i < n; i++)
            for (int j = 0; j < i; j++)
            {
                int k = j;
                while (k > 0) { sum += k; k -= 2; if (sum % 7 == 3) goto next; }
                sum++;
            next:
                if (sum < 0) break;
            }
        return sum;
    }

    // The loop is in the protected block; handlers see its variables.
    static string Protected(int n, int at)
    {
        int i = 0, after = 0;
        string log = "";
        try
        {
            for (; i < n; i++) { after += i; Fail(at, i); }
            log += "through ";
        }
        catch (InvalidOperationException e) { log += e.Message + " i=" + i + " "; }
        finally { log += "finally " + after + " "; i = -i; }
        return log + i;
    }

    // The protected block is in the loop, with leave, break and continue through finally.
    static string Within(int n)
    {
        string log = "";
        int caught = 0, finals = 0;
        for (int i = 0; i < n; i++)
        {
            try
            {
                try { if (i % 3 == 0) continue; if (i == n - 2) break; Fail(i, i - i % 2); log += i; }
                finally { finals += i; }
            }
            catch (InvalidOperationException) when (i % 4 != 0 || finals > 5) { caught += i; }
            catch (Exception) { log += "?"; }
        }
        return log + " " + caught + " " + finals;
    }

    // Loops in handlers.
    static int Handlers(int n)
    {
        int sum = 0;
        try { Fail(1, 1); }
        catch (InvalidOperationException e)
        {
            for (int i = 0; i < n; i++) sum += i * e.Message.Length;
            try { try { throw; } finally { for (int i = 0; i < n; i++) sum += i; } } catch (Exception again) { sum += ReferenceEquals(e, again) ? 1000000 : 0; }
        }
        finally { for (int i = 0; i < n; i++) { sum += 2; if (i == 5) { try { Fail(2, 2); } catch (Exception) { sum += 10000; } } } }
        return sum;
    }

    // The generic context comes along, as a hidden argument or by way of `this`.
    static string Shared<T>(int n) where T : class
    {
        var list = new List<T>();
        string text = typeof(T).Name;
        try
        {
            for (int i = 0; i < n; i++) { list.Add((object)("s" + i) as T); if (i == 30) throw new Failure<T>(typeof(T[]).Name); }
        }
        catch (Failure<T> e) { text += " " + e.Message; }
        return text + " " + list.Count + " " + (list[3] != null);
    }

    class Holder<T>
    {
        public static int Made;
        public string Fill(int n)
        {
            object last = null;
            try { for (int i = 0; i < n; i++) { Made++; last = new T[i]; if (i == 25) throw new Failure<T>("full"); } }
            catch (Failure<T> e) { return last.GetType().Name + " " + e.Message + " " + Made; }
            return "never";
        }
    }

    static IEnumerable<int> Numbers(int n)
    {
        for (int i = 0; i < n; i++) { if (i % 5 == 4) { yield return -i; continue; } yield return i; }
    }

    static int Locks(int n)
    {
        object o = new object();
        int sum = 0;
        lock (o) { for (int i = 0; i < n; i++) lock (o) { sum += i; if (i == 37) break; } }
        System.Threading.Monitor.Enter(o);
        System.Threading.Monitor.Exit(o);
        return sum;
    }

    static int Recursive(int depth)
    {
        int sum = 0;
        for (int i = 0; i < 6; i++) { sum += i; if (depth > 0 && i == 3) sum += Recursive(depth - 1); }
        return sum;
    }

    // Traces show a method once, whoever runs it.
    static void Show(string trace)
    {
        foreach (string line in trace.Split('\n'))
        {
            int end = line.IndexOf(')');
            Console.WriteLine(end < 0 ? line : line.Substring(0, end + 1));
        }
    }
    [MethodImpl(MethodImplOptions.NoInlining)] static void Throwing(int n) { for (int i = 0; ; i++) Fail(n, i); }
    [MethodImpl(MethodImplOptions.NoInlining)] static void Calling(int n) { for (int i = 0; i < n; i++) if (i == n - 1) Throwing(i); }
    [MethodImpl(MethodImplOptions.NoInlining)] static int Depth() { return new StackTrace().FrameCount; }
    [MethodImpl(MethodImplOptions.NoInlining)] static bool SameDepth() { int first = Depth(); for (int i = 0; i < 50; i++) if (Depth() != first) return false; return true; }

    static long Long()
    {
        long sum = 0;
        int[] table = new int[64];
        for (int i = 0; i < 300000; i++) { table[i & 63] += i; sum += table[(i * 7) & 63]; }
        return sum;
    }

    static void Main()
    {
        Console.WriteLine(Addresses(40));
        Console.WriteLine(Pointers(40));
        Console.WriteLine(Kinds(1, 2, 3, 4, 'e', 6, 7, 8, 9.5f, 10.25, "k", true, new Pair { X = 1, S = "m" }, new Big { A = 5 }, 1.5m));
        Big b = Buffer(30);
        Console.WriteLine(b.A + " " + b.E + " " + b.O);
        Pair p = Two(25);
        Console.WriteLine(p.X + p.S);
        Console.WriteLine(BitConverter.DoubleToInt64Bits(Float(30)) + " " + (int)(Single(3.5f) * 1000));
        Console.WriteLine(Nested(25));
        Console.WriteLine(Protected(30, 20) + " | " + Protected(30, 50));
        Console.WriteLine(Within(40));
        Console.WriteLine(Handlers(30));
        Console.WriteLine(Shared<string>(50) + " | " + Shared<Version>(50));
        Console.WriteLine(new Holder<string>().Fill(50) + " | " + new Holder<object>().Fill(50) + " | " + new Holder<int>().Fill(50));
        int total = 0;
        foreach (int i in Numbers(50)) total = total * 3 + i;
        Console.WriteLine(total);
        Console.WriteLine(Locks(50) + " " + Recursive(4));
        try { Calling(30); } catch (InvalidOperationException e) { Show(e.StackTrace); }
        Console.WriteLine(SameDepth());
        Console.WriteLine(Long());
    }
}
