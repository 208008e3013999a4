// Instances that reflection makes with arguments that constraints allow and do not allow.
using System;
using System.Collections.Generic;
using System.Reflection;

class OfValues<T> where T : struct { }
class OfReferences<T> where T : class { }
class OfNew<T> where T : new() { }
class OfComparable<T> where T : IComparable<T> { }
class OfExceptions<T> where T : Exception { }
class OfBoth<T, U> where T : U { }
class NoConstructor { NoConstructor(int x) { } }
abstract class Abstract { }

class Program
{
    static void OnValues<T>() where T : struct { }
    static void OnComparable<T>() where T : IComparable<T> { }

    static void Try(Func<object> make)
    {
        try { Console.WriteLine(make()); }
        catch (ArgumentException e) { Console.WriteLine(e.Message.Replace("\n", "|")); }
    }

    static void Types(Type definition, params Type[] arguments) { Try(() => definition.MakeGenericType(arguments)); }

    static void Methods(string name, params Type[] arguments)
    {
        Try(() => typeof(Program).GetMethod(name, BindingFlags.Static | BindingFlags.NonPublic).MakeGenericMethod(arguments));
    }

    static void Main()
    {
        foreach (Type t in new[] { typeof(string), typeof(int?), typeof(int), typeof(DayOfWeek), typeof(IComparable) })
        {
            Types(typeof(OfValues<>), t);
            Types(typeof(OfReferences<>), t);
            Types(typeof(OfComparable<>), t);
        }
        foreach (Type t in new[] { typeof(NoConstructor), typeof(Abstract), typeof(int), typeof(object), typeof(string) })
            Types(typeof(OfNew<>), t);
        foreach (Type t in new[] { typeof(object), typeof(Exception), typeof(ArgumentException) })
            Types(typeof(OfExceptions<>), t);
        Types(typeof(OfBoth<,>), typeof(object), typeof(string));
        Types(typeof(OfBoth<,>), typeof(string), typeof(object));
        Types(typeof(OfBoth<,>), typeof(int), typeof(object));
        Types(typeof(OfBoth<,>), typeof(int), typeof(ValueType));
        Types(typeof(OfBoth<,>), typeof(string[]), typeof(object[]));
        Types(typeof(OfBoth<,>), typeof(List<string>), typeof(IEnumerable<object>));
        Types(typeof(OfValues<>), typeof(List<>).GetGenericArguments()[0]);
        Methods("OnValues", typeof(string));
        Methods("OnValues", typeof(int));
        Methods("OnComparable", typeof(object));
        Methods("OnComparable", typeof(int));
    }
}
