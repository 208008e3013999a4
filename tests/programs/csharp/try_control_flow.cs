//! flags: -optimize+
using System;

class TryControlFlow
{
    static string log = "";

    static int ReturnFromDepth(int n)
    {
        for (int i = 0; ; i++)
        {
            try
            {
                for (int j = 0; j < 5; j++)
                {
                    try
                    {
                        if (i * 5 + j == n)
                            return i * 100 + j;
                    }
                    finally { if (j == 4) log += "."; }
                }
            }
            finally { log += i; }
        }
    }

    static int Gotos(int n)
    {
        int steps = 0;
    again:
        steps++;
        try
        {
            if (n > 10) { n -= 7; goto again; }
            if (n % 2 == 0) { n++; goto odd; }
            try { if (n == 9) goto again2; n += 100; }
            finally { steps += 10; }
        }
        finally { steps += 1000; }
        return steps * 1000 + n;
    odd:
        return -(steps * 1000 + n);
    again2:
        n = 3;
        goto again;
    }

    static int Parse(string text)
    {
        int value = 0;
        foreach (char c in text)
        {
            try
            {
                if (c == '_') continue;
                if (c == ';') break;
                if (c < '0' || c > '9') throw new FormatException("bad " + c);
                value = value * 10 + (c - '0');
            }
            catch (FormatException e)
            {
                log += e.Message + " ";
                if (c == '!') return -1;
            }
        }
        return value;
    }

    static int ValueAcross(int k)
    {
        int a = k, b = 0;
        long c = 5;
        string s = "";
        try
        {
            a = a * 2;
            try
            {
                b = a + 1;
                if (k == 1) throw new Exception();
                c = a * b;
            }
            catch { c = -c; s += "inner"; }
            if (k == 2) throw new InvalidOperationException();
            s += "out";
        }
        catch (InvalidOperationException) { s += "outer"; a = -a; }
        return a * 10000 + b * 100 + (int)c + s.Length;
    }

    static bool Condition(int x)
    {
        try { return x > 5 && Check(x) || x == 3; }
        catch (Exception) { return false; }
    }

    static bool Check(int x)
    {
        if (x == 7) throw new Exception();
        return x % 2 == 0;
    }

    static int Switch(int x)
    {
        try
        {
            switch (x)
            {
                case 0: return 10;
                case 1: throw new Exception();
                case 2: break;
                case 3: goto case 0;
                default: x *= 2; break;
            }
            x += 1000;
        }
        catch { return 11; }
        finally { log += "s" + x + " "; }
        return x;
    }

    static int Ternary(int x) { try { return x == 0 ? 1 : 10 / (x - 1); } catch (DivideByZeroException) { return x == 1 ? -1 : -2; } }

    static void Main()
    {
        foreach (int n in new int[] { 0, 4, 5, 13 })
        {
            int result = ReturnFromDepth(n);
            Console.WriteLine(result + " " + log);
            log = "";
        }
        for (int n = 0; n < 30; n += 3)
            Console.WriteLine(Gotos(n));
        foreach (string text in new string[] { "123", "1_2_3", "12x3", "12;34", "1!2", "" })
        {
            int result = Parse(text);
            Console.WriteLine(result + " " + log);
            log = "";
        }
        for (int k = 0; k < 4; k++)
            Console.WriteLine(ValueAcross(k));
        for (int x = 2; x < 10; x++)
            Console.WriteLine(Condition(x));
        for (int x = 0; x < 6; x++)
        {
            int result = Switch(x);
            Console.WriteLine(result + " " + log);
            log = "";
        }
        Console.WriteLine(Ternary(0) + " " + Ternary(1) + " " + Ternary(2) + " " + Ternary(6));
    }
}
