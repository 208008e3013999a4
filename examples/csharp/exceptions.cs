// What a virtual machine must get right about exceptions: two passes, filters, finally blocks,
// faults of the hardware that become exceptions, and throws that replace each other.
using System;

class ParseException : Exception
{
    public readonly int Position;
    public ParseException(string message, int position) : base(message) { Position = position; }
}

class Exceptions
{
    static int depth;

    static bool Note(string text, bool answer)
    {
        Console.WriteLine(new string(' ', depth * 2) + text);
        return answer;
    }

    static void Throwing(int levels)
    {
        depth++;
        try
        {
            if (levels == 0)
                throw new ParseException("unexpected end", 42);
            Throwing(levels - 1);
        }
        finally
        {
            Note("finally at depth " + depth, true);
            depth--;
        }
    }

    static void TwoPasses()
    {
        try { Throwing(2); }
        catch (ParseException e) when (Note("first pass: is position 7 wanted?", e.Position == 7)) { }
        catch (ParseException e) when (Note("first pass: is position 42 wanted?", e.Position == 42))
        {
            Note("second pass is over: " + e.Message + " at " + e.Position, true);
        }
    }

    static string Faults(int kind)
    {
        int[] numbers = { 1, 2, 3 };
        string text = null;
        object boxed = "not a number";
        int zero = numbers.Length - 3;
        try
        {
            switch (kind)
            {
                case 0: return "null: " + text.Length;
                case 1: return "division: " + 10 / zero;
                case 2: return "index: " + numbers[3 + kind];
                case 3: return "cast: " + (int)boxed;
                case 4: return "checked: " + checked(int.MaxValue + numbers[0]);
                case 5: ((object[])new string[1])[0] = boxed.GetHashCode(); return "covariance";
                default: return "nothing is wrong";
            }
        }
        catch (NullReferenceException) { return "a null reference was caught"; }
        catch (DivideByZeroException) { return "a division by zero was caught"; }
        catch (IndexOutOfRangeException) { return "an index out of range was caught"; }
        catch (InvalidCastException) { return "an invalid cast was caught"; }
        catch (OverflowException) { return "an overflow was caught"; }
        catch (ArrayTypeMismatchException) { return "an array type mismatch was caught"; }
    }

    static string Replaced()
    {
        try
        {
            try { throw new InvalidOperationException("first"); }
            finally { throw new ParseException("second", 0); }
        }
        catch (Exception e) { return "the " + e.Message + " exception won"; }
    }

    static void Main()
    {
        TwoPasses();
        for (int kind = 0; kind <= 6; kind++)
            Console.WriteLine(Faults(kind));
        Console.WriteLine(Replaced());

        int caught = 0, start = Environment.TickCount;
        for (int i = 0; i < 100000; i++)
        {
            try { throw new ParseException("again", i); }
            catch (ParseException e) { caught += e.Position & 1; }
        }
        int elapsed = Environment.TickCount - start;
        Console.WriteLine("100000 exceptions thrown and caught (" + caught + ") in " + elapsed + " ms");
    }
}
