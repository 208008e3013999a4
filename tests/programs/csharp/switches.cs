//! flags: -optimize+
using System;

class Switches
{
    static string Dense(int x)
    {
        switch (x)
        {
            case 0: return "zero";
            case 1: return "one";
            case 2:
            case 3: return "two or three";
            case 4: goto case 0;
            case 5: goto default;
            case 7: return "seven";
            default: return "other";
        }
    }

    static int Sparse(int x)
    {
        switch (x)
        {
            case -1000000: return 1;
            case -1: return 2;
            case 0: return 3;
            case 100: return 4;
            case 101: return 5;
            case 102: return 6;
            case 5000: return 7;
            case int.MaxValue: return 8;
            case int.MinValue: return 9;
        }
        return -1;
    }

    static int Text(string s)
    {
        switch (s)
        {
            case "": return 0;
            case "a": return 1;
            case "b": return 2;
            case "alpha": return 3;
            case "beta": return 4;
            case "gamma": return 5;
            case "delta": return 6;
            case "epsilon": return 7;
            case "zeta": return 8;
            case null: return 9;
            default: return -1;
        }
    }

    static string Few(string s)
    {
        switch (s) { case "yes": return "Y"; case "no": return "N"; default: return "?"; }
    }

    static int Long(long x)
    {
        switch (x)
        {
            case 1L << 40: return 1;
            case (1L << 40) + 1: return 2;
            case -5: return 3;
            case 7: return 4;
            default: return 0;
        }
    }

    static int Char(char c)
    {
        switch (c)
        {
            case 'a': case 'e': case 'i': case 'o': case 'u': return 1;
            case ' ': return 2;
            case '\uffff': return 3;
            default: return c >= '0' && c <= '9' ? 4 : 0;
        }
    }

    static int Byte(byte b)
    {
        switch (b) { case 0: return 10; case 1: return 11; case 128: return 12; case 255: return 13; default: return b; }
    }

    static int Unsigned(uint u)
    {
        switch (u) { case 0: return 1; case 0x80000000: return 2; case 0x80000001: return 3; case uint.MaxValue: return 4; default: return 0; }
    }

    static string Machine(string input)
    {
        int state = 0;
        string output = "";
        for (int i = 0; i < input.Length; i++)
        {
            switch (state)
            {
                case 0:
                    switch (input[i])
                    {
                        case '<': state = 1; break;
                        case '&': state = 2; break;
                        default: output += input[i]; break;
                    }
                    break;
                case 1:
                    if (input[i] == '>') state = 0;
                    continue;
                case 2:
                    if (input[i] == ';') { output += "*"; state = 0; }
                    break;
            }
        }
        return output + state;
    }

    static int Fall(int x)
    {
        int result = 0;
        switch (x)
        {
            case 3: result += 100; goto case 2;
            case 2: result += 10; goto case 1;
            case 1: result += 1; break;
            case 4: { int local = x * x; result = local; break; }
        }
        return result;
    }

    static void Main()
    {
        for (int i = -2; i < 10; i++)
            Console.WriteLine(Dense(i));
        foreach (int i in new int[] { -1000000, -999999, -2, -1, 0, 1, 99, 100, 101, 102, 103, 4999, 5000, int.MaxValue, int.MinValue })
            Console.WriteLine(Sparse(i));
        string part = "al";
        foreach (string s in new string[] { "", "a", "b", "c", part + "pha", "beta", "gamma", "delta", "epsilon", "zeta", "Zeta", null, "alphabet" })
            Console.WriteLine(Text(s));
        Console.WriteLine(Few("yes") + Few("no") + Few("maybe") + Few(null));
        foreach (long l in new long[] { 1L << 40, (1L << 40) + 1, -5, 7, 1L << 41, 0 })
            Console.WriteLine(Long(l));
        foreach (char c in "ab e5\uffff")
            Console.WriteLine(Char(c));
        Console.WriteLine(Byte(0) + Byte(1) + Byte(128) + Byte(255) + Byte(77));
        Console.WriteLine(Unsigned(0) + Unsigned(0x80000000) * 10 + Unsigned(0x80000001) * 100 + Unsigned(uint.MaxValue) * 1000 + Unsigned(5));
        Console.WriteLine(Machine("a<b>c&amp;d<e"));
        for (int i = 0; i < 6; i++)
            Console.WriteLine(Fall(i));
        int total = 0;
        for (int i = 0; i < 10000; i++)
        {
            switch (i & 7)
            {
                case 0: total += 1; break;
                case 1: total ^= i; break;
                case 3: total -= 5; break;
                case 6: total *= 3; break;
                default: continue;
            }
            total &= 0xFFFFFF;
        }
        Console.WriteLine(total);
    }
}
