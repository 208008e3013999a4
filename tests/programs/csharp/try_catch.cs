using System;

class AppException : Exception
{
    public readonly int Code;
    public AppException(int code) : base("code " + code) { Code = code; }
    public AppException(string message, Exception inner) : base(message, inner) { Code = -1; }
}

class SpecialException : AppException
{
    public SpecialException(int code) : base(code * 1000) { }
}

class TryCatch
{
    static void Throw(int kind)
    {
        switch (kind)
        {
            case 0: return;
            case 1: throw new AppException(1);
            case 2: throw new SpecialException(2);
            case 3: throw new InvalidOperationException("three");
            case 4: throw new ArgumentException("four");
            case 5: throw new ArgumentNullException("five");
            case 6: throw new Exception("six");
            case 7: { Exception none = null; throw none; }
            case 8: { object o = "text"; kind = (int)o; break; }
            case 9: kind = new int[1][0] / (kind - 9); break;
            case 10: kind = new int[kind][kind]; break;
            default: throw new AppException("outer", new SpecialException(kind));
        }
    }

    static string Catch(int kind)
    {
        try
        {
            Throw(kind);
            return "nothing";
        }
        catch (SpecialException e) { return "special " + e.Code + " " + e.Message; }
        catch (AppException e) { return "app " + e.Code + " " + e.Message + (e.InnerException != null ? " < " + e.InnerException.Message : ""); }
        catch (ArgumentNullException) { return "argument null"; }
        catch (ArgumentException e) { return "argument " + e.Message; }
        catch (NullReferenceException) { return "null reference"; }
        catch (InvalidCastException) { return "invalid cast"; }
        catch (DivideByZeroException) { return "divide by zero"; }
        catch (IndexOutOfRangeException) { return "index"; }
        catch (Exception e) { return "exception " + e.Message; }
    }

    static int Deep(int depth, int kind)
    {
        if (depth == 0)
            Throw(kind);
        return depth == 0 ? 0 : Deep(depth - 1, kind) + 1;
    }

    static int Locals(int kind)
    {
        int a = 1, b = 2, c = 3;
        string s = "s";
        try
        {
            a += 10;
            s += "t";
            Throw(kind);
            b += 100;
            c = a * b;
        }
        catch (AppException)
        {
            c = a + b;
            s += "c";
        }
        return a * 1000000 + b * 1000 + c + s.Length;
    }

    static int Loop()
    {
        int caught = 0;
        for (int i = 0; i < 100; i++)
        {
            try
            {
                if (i % 3 == 0) throw new AppException(i);
                if (i % 5 == 0) throw new InvalidOperationException();
                caught += 1;
            }
            catch (AppException e) { caught += e.Code; }
            catch (InvalidOperationException) { caught -= 7; }
        }
        return caught;
    }

    static string Rethrow(int kind)
    {
        try
        {
            try { Throw(kind); return "none"; }
            catch (AppException e)
            {
                if (e.Code == 1) throw;
                throw new AppException("wrapped", e);
            }
        }
        catch (AppException e) { return e.Message + "|" + (e.InnerException == null ? "-" : e.InnerException.Message); }
    }

    static void Main()
    {
        for (int kind = 0; kind <= 11; kind++)
            Console.WriteLine(kind + ": " + Catch(kind));
        try { Deep(50, 2); }
        catch (AppException e) { Console.WriteLine("from the deep " + e.Code); }
        Console.WriteLine(Deep(50, 0));
        Console.WriteLine(Locals(0) + " " + Locals(1));
        try { Locals(3); }
        catch (InvalidOperationException e) { Console.WriteLine("passed through " + e.Message); }
        Console.WriteLine(Loop());
        Console.WriteLine(Rethrow(0) + " " + Rethrow(1) + " " + Rethrow(2));
        Exception kept = null;
        try { Throw(1); } catch (Exception e) { kept = e; }
        try { throw kept; } catch (AppException e) { Console.WriteLine(ReferenceEquals(kept, e)); }
        Console.WriteLine(new SpecialException(5) is AppException);
        try { try { Throw(6); } catch { Console.WriteLine("general"); throw; } }
        catch (Exception e) { Console.WriteLine("again " + e.Message); }
        Console.WriteLine(kept.GetBaseException() == kept);
    }
}
