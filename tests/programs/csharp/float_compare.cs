using System;

// Every comparison as a value and as a branch, where NaN tells the ordered ones from the others.
class FloatCompare
{
    static string Values(double a, double b)
    {
        return "" + (a < b ? 1 : 0) + (a <= b ? 1 : 0) + (a > b ? 1 : 0) + (a >= b ? 1 : 0) + (a == b ? 1 : 0) + (a != b ? 1 : 0);
    }

    static string Negated(double a, double b)
    {
        return "" + (!(a < b) ? 1 : 0) + (!(a <= b) ? 1 : 0) + (!(a > b) ? 1 : 0) + (!(a >= b) ? 1 : 0) + (!(a == b) ? 1 : 0) + (!(a != b) ? 1 : 0);
    }

    static string Branches(float a, float b)
    {
        string text = "";
        if (a < b) text += "lt ";
        if (a <= b) text += "le ";
        if (a > b) text += "gt ";
        if (a >= b) text += "ge ";
        if (a == b) text += "eq ";
        if (a != b) text += "ne ";
        if (!(a < b)) text += "!lt ";
        if (!(a <= b)) text += "!le ";
        if (!(a > b)) text += "!gt ";
        if (!(a >= b)) text += "!ge ";
        return text;
    }

    static int Loops(double limit)
    {
        int rounds = 0;
        for (double x = 0; x < limit && rounds < 20; x += 0.25)
            rounds++;
        double y = 10;
        while (!(y <= limit) && rounds < 50)
        {
            y -= 1;
            rounds++;
        }
        return rounds;
    }

    static bool less(double a, double b) { bool result = a < b; return result; }
    static bool atLeast(double a, double b) { bool result = a >= b; return result; }
    static bool different(double a, double b) { bool result = a != b; return result; }

    static void Main()
    {
        double[] values = { 0.0, -0.0, 1.0, -1.0, double.MaxValue, double.NegativeInfinity, double.PositiveInfinity, double.NaN };
        foreach (double a in values)
            foreach (double b in values)
            {
                Console.WriteLine(Values(a, b) + " " + Negated(a, b));
                Console.WriteLine(Branches((float)a, (float)b));
                Console.WriteLine(less(a, b));
                Console.WriteLine(atLeast(a, b));
                Console.WriteLine(different(a, b));
            }
        Console.WriteLine(Loops(3));
        Console.WriteLine(Loops(double.NaN));
        Console.WriteLine(Loops(-1));
        Console.WriteLine(double.IsNaN(values[7]));
        Console.WriteLine(double.IsInfinity(values[6]));
        Console.WriteLine(values[7].Equals(double.NaN));
        Console.WriteLine(values[7].CompareTo(1.0));
    }
}
