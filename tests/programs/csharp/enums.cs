using System;

enum Plain { Zero, One, Two, Ten = 10, Eleven }
enum Tiny : sbyte { Low = -128, Minus = -1, High = 127 }
enum Wide : ulong { None = 0, Top = 0x8000000000000000 }
[Flags] enum Rights { None = 0, Read = 1, Write = 2, Execute = 4, All = Read | Write | Execute }

class Enums
{
    Plain field = Plain.Two;
    static Rights statics = Rights.Read;

    static string Name(Plain p)
    {
        switch (p)
        {
            case Plain.Zero: return "zero";
            case Plain.One: return "one";
            case Plain.Two: return "two";
            case Plain.Ten: return "ten";
            case Plain.Eleven: return "eleven";
            default: return "unknown " + (int)p;
        }
    }

    static string Show(Rights r)
    {
        string text = "";
        if ((r & Rights.Read) != 0) text += "r";
        if ((r & Rights.Write) != 0) text += "w";
        if ((r & Rights.Execute) == Rights.Execute) text += "x";
        return text == "" ? "none" : text;
    }

    static Plain Next(Plain p) { return p + 1; }
    static int Distance(Plain a, Plain b) { return b - a; }
    static bool Generic<T>(T a, T b) { return a.Equals(b); }
    static void Set(ref Rights r, Rights mask, bool on) { r = on ? r | mask : r & ~mask; }

    static void Main()
    {
        for (Plain p = Plain.Zero; p <= Plain.Eleven; p++)
            Console.WriteLine(Name(p));
        Console.WriteLine(Name(Next(Plain.Ten)) + " " + Distance(Plain.One, Plain.Eleven));
        Console.WriteLine((int)Plain.Eleven + " " + (int)(Plain)1);
        Console.WriteLine((sbyte)Tiny.Low + " " + (int)Tiny.Minus + " " + (byte)Tiny.High + " " + (Tiny.Low < Tiny.High));
        Tiny tiny = Tiny.High;
        tiny++;
        Console.WriteLine((int)tiny + " " + (tiny == Tiny.Low));
        Console.WriteLine((ulong)Wide.Top + " " + (Wide.Top > Wide.None) + " " + unchecked((long)Wide.Top));
        for (int i = 0; i < 8; i++)
            Console.WriteLine(Show((Rights)i) + " " + (int)(~(Rights)i & Rights.All));
        Rights r = Rights.None;
        Set(ref r, Rights.Write | Rights.Read, true);
        Set(ref r, Rights.Read, false);
        Set(ref statics, Rights.Execute, true);
        Console.WriteLine(Show(r) + " " + Show(statics) + " " + Show(r ^ Rights.All));
        var me = new Enums();
        me.field = me.field == Plain.Two ? Plain.Ten : Plain.One;
        Console.WriteLine(Name(me.field));
        Plain[] array = { Plain.Two, Plain.Eleven, (Plain)77 };
        array[0]--;
        foreach (Plain p in array)
            Console.WriteLine(Name(p) + " " + (int)p);
        object boxed = Plain.Ten;
        Console.WriteLine((boxed is Plain) + " " + (boxed is int) + " " + (int)boxed + " " + boxed.Equals(Plain.Ten) + " " + boxed.Equals(10));
        Console.WriteLine(Generic(Plain.One, Plain.One) + " " + Generic(Plain.One, Plain.Two) + " " + Generic<object>(Plain.One, Tiny.Minus));
        Console.WriteLine(Plain.Ten.CompareTo(Plain.Two) > 0);
        Console.WriteLine(Plain.Ten.GetHashCode());
        Console.WriteLine(statics.HasFlag(Rights.Execute) + " " + statics.HasFlag(Rights.Write));
        Plain? maybe = null;
        Console.WriteLine((maybe ?? Plain.One) == Plain.One);
    }
}
